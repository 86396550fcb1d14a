// Uploads of drafts that do not exist.
// Parameters: none
// Columns: object, digest, size_bytes, draft id, until
// Order: object
// Index: draft_id
MATCH (u:Upload)
WHERE NOT EXISTS { MATCH (:Draft {id: u.draft}) }
RETURN u.object AS object, u.digest AS digest, u.size_bytes AS size_bytes, u.draft AS draft,
  u.until AS until
ORDER BY object;

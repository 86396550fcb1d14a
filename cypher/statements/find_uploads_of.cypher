// The uploads of a draft.
// Parameters: $draft id
// Columns: object, digest, size_bytes, draft id, until
// Order: object
// Index: upload_draft
MATCH (u:Upload {draft: $draft})
RETURN u.object AS object, u.digest AS digest, u.size_bytes AS size_bytes, u.draft AS draft,
  u.until AS until
ORDER BY object;

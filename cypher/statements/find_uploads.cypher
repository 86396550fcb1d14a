// Uploads.
// Parameters: $objects
// Columns: object, digest, size_bytes, draft id, until
// Order: object
// Index: upload_object
UNWIND $objects AS object
MATCH (u:Upload {object: object})
RETURN u.object AS object, u.digest AS digest, u.size_bytes AS size_bytes, u.draft AS draft,
  u.until AS until
ORDER BY object;

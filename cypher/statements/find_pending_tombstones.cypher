// Tombstones whose object is not recorded as deleted.
// Parameters: $limit
// Columns: object, size_bytes, until, deleted_at
// Order: object
// Index: the label Pending
MATCH (t:Pending)
RETURN t.object AS object, t.size_bytes AS size_bytes, t.until AS until, t.deleted_at AS deleted_at
ORDER BY object
LIMIT $limit;

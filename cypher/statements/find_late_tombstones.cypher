// Buried tombstones that need no more watching.
// Parameters: $before, $limit
// Columns: object, size_bytes, until, deleted_at
// Order: object
// Index: tombstone_until
MATCH (t:Tombstone)
WHERE t.until < $before AND t.deleted_at IS NOT NULL
RETURN t.object AS object, t.size_bytes AS size_bytes, t.until AS until, t.deleted_at AS deleted_at
ORDER BY object
LIMIT $limit;

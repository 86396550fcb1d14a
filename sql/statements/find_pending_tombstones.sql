-- Tombstones whose object is not recorded as deleted.
-- Parameters: ?1 limit
-- Columns: object, size_bytes, until, deleted_at
-- Order: object
-- Index: tombstone_pending (object)
SELECT object, size_bytes, until, deleted_at
FROM tombstone
WHERE deleted_at IS NULL
ORDER BY object
LIMIT ?1;

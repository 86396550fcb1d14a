-- Buried tombstones that need no more watching.
-- Parameters: ?1 before, ?2 limit
-- Columns: as find_pending_tombstones
-- Order: object
-- Index: tombstone_buried (until)
SELECT object, size_bytes, until, deleted_at
FROM tombstone INDEXED BY tombstone_buried
WHERE deleted_at IS NOT NULL AND until < ?1
ORDER BY object
LIMIT ?2;

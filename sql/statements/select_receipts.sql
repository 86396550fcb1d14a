-- Receipts of somebody or of all, newest first, after a place.
-- Parameters: ?1 actor or NULL, ?2 deleted_at and ?3 id to go on after, or the last there can be,
--   ?4 limit
-- Columns: id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs,
--   freed_bytes, finished_at
-- Order: deleted_at, id, both falling
-- Index: receipt_by_time (deleted_at, id)
SELECT
    id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs, freed_bytes,
    finished_at
FROM receipt
WHERE (deleted_at, id) < (?2, ?3) AND (?1 IS NULL OR actor = ?1)
ORDER BY deleted_at DESC, id DESC
LIMIT ?4;

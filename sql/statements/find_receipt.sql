-- One receipt.
-- Parameters: ?1 id
-- Columns: id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs,
--   freed_bytes, finished_at
-- Order: at most one row
-- Index: receipt (id)
SELECT
    id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs, freed_bytes,
    finished_at
FROM receipt
WHERE id = ?1;

-- Adds to what a deletion has freed, and moves the place that it has come to.
-- Parameters: ?1 id, ?2 touched_at, ?3 n_done, ?4 n_pages, ?5 n_blobs, ?6 freed_bytes
-- Index: receipt (id)
UPDATE receipt SET
    touched_at = max(touched_at, ?2),
    n_done = max(n_done, ?3),
    n_pages = n_pages + ?4,
    n_blobs = n_blobs + ?5,
    freed_bytes = freed_bytes + ?6
WHERE id = ?1;

-- Adds the receipt of a deletion that begins.
-- Parameters: ?1 id, ?2 actor, ?3 deleted_at, ?4 plan or NULL, ?5 purge, ?6 versions, ?7 runs
-- Index: receipt (id)
INSERT INTO receipt (
    id, actor, deleted_at, touched_at, plan, purge, versions, runs,
    n_done, n_pages, n_blobs, freed_bytes
)
VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0);

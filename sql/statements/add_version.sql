-- Adds a version; its node exists.
-- Parameters: ?1 id, ?2 collection key, ?3 number, ?4 state, ?5 owns_pages, ?6 manifest,
--   ?7 size_bytes, ?8 n_files, ?9 created_at, ?10 created_by, ?11 deleted_at, ?12 deleted_by,
--   ?13 revision, ?14 tags, ?15 description, ?16 metadata
-- Index: collection (key)
INSERT INTO version (
    id, collection_id, number, state, owns_pages, manifest, size_bytes, n_files, created_at,
    created_by, deleted_at, deleted_by, revision, tags, description, metadata
)
VALUES (
    ?1, (SELECT id FROM collection WHERE key = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    ?14, ?15, ?16
);

-- Adds a draft.
-- Parameters: ?1 key, ?2 collection, ?3 type, ?4 actor, ?5 pages, ?6 expires_at, ?7 segment,
--   ?8 aliases, ?9 tags, ?10 metadata, ?11 description, ?12 version, ?13 created,
--   ?14 run
INSERT INTO draft (
    key, collection, type, actor, pages, expires_at, segment, aliases, tags, metadata, description,
    version, created, run
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14);

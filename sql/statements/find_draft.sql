-- One draft.
-- Parameters: ?1 key
-- Columns: collection, type, actor, pages, expires_at, segment, aliases, tags, metadata,
--   description, version, created, run
-- Order: at most one row
-- Index: draft (key)
SELECT
    collection, type, actor, pages, expires_at, segment, aliases, tags, metadata, description,
    version, created, run
FROM draft
WHERE key = ?1;

-- The id of a segment or version.
-- Parameters: ?1 key
-- Columns: id
-- Order: at most one row
-- Index: node (key)
SELECT id FROM node WHERE key = ?1;

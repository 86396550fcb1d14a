-- A version's metadata as it is stored.
-- Parameters: ?1 key
-- Columns: id, metadata
-- Order: at most one row
-- Index: node (key), version (id)
SELECT v.id, v.metadata
FROM node AS n
    CROSS JOIN version AS v ON v.id = n.id
WHERE n.key = ?1;

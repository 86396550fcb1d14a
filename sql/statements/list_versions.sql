-- All versions, also deleted ones.
-- Parameters: ?1 key to start after, ?2 limit
-- Columns: key
-- Order: key
-- Index: node (key), version (id)
SELECT n.key
FROM node AS n
    CROSS JOIN version AS v ON v.id = n.id
WHERE n.key > ?1 AND n.key < 'artifact;'
ORDER BY n.key
LIMIT ?2;

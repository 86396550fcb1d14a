-- The ids of segments and versions.
-- Parameters: ?1 keys (carray)
-- Columns: id
-- Order: id
-- Index: node (key)
SELECT n.id
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
ORDER BY n.id;

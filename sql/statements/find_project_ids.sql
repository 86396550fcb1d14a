-- The ids of projects.
-- Parameters: ?1 keys (carray)
-- Columns: id
-- Order: id
-- Index: project (key)
SELECT p.id
FROM carray(?1) AS k
    CROSS JOIN project AS p ON p.key = k.value
ORDER BY p.id;

-- Collections.
-- Parameters: ?1 keys (carray)
-- Columns: key, type, created_at, next_index, description
-- Order: key
-- Index: collection (key)
SELECT c.key, c.type, c.created_at, c.next_index, c.description
FROM carray(?1) AS k
    CROSS JOIN collection AS c ON c.key = k.value
ORDER BY c.key;

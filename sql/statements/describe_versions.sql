-- What a picture says about versions.
-- Parameters: ?1 keys (carray)
-- Columns: key, state, type, created_at
-- Order: key
-- Index: node (key), version (id), collection (id)
SELECT n.key, v.state, c.type, v.created_at
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN version AS v ON v.id = n.id
    CROSS JOIN collection AS c ON c.id = v.collection_id
ORDER BY n.key;

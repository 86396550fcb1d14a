-- What a picture says about versions.
-- Parameters: ?1 keys (carray)
-- Columns: key, state, type, created_at, is_drifted
-- Order: key
-- Index: node (key), version (id), collection (id), reference_check (version_id)
SELECT n.key, v.state, c.type, v.created_at, coalesce(r.n_changed + r.n_missing > 0, 0)
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN version AS v ON v.id = n.id
    CROSS JOIN collection AS c ON c.id = v.collection_id
    LEFT JOIN reference_check AS r ON r.version_id = v.id
ORDER BY n.key;

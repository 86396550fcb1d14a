-- What a picture says about segments: mostly what holds for their run.
-- Parameters: ?1 keys (carray)
-- Columns: key, state, job_type, name, created_at
-- Order: key
-- Index: node (key), segment (id), run (id)
SELECT n.key, r.state, r.job_type, r.name, s.created_at
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN segment AS s ON s.id = n.id
    CROSS JOIN run AS r ON r.id = s.run_id
ORDER BY n.key;

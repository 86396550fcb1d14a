-- The runs that used versions, each once.
-- Parameters: ?1 version keys (carray)
-- Columns: run key
-- Order: run key
-- Index: node (key), flow (src, dst, kind), segment (id), node (id)
SELECT DISTINCT r.key
FROM carray(?1) AS k
    CROSS JOIN node AS v ON v.key = k.value
    CROSS JOIN flow AS f ON f.src = v.id AND f.kind = 0
    CROSS JOIN segment AS s ON s.id = f.dst
    CROSS JOIN node AS r ON r.id = s.run_id
ORDER BY r.key;

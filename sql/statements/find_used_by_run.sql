-- The versions that a run used, each once.
-- Parameters: ?1 run key
-- Columns: key
-- Order: key
-- Index: node (key), segment (run_id, number), flow_back (dst, src, kind), node (id)
SELECT DISTINCT n.key
FROM node AS first
    CROSS JOIN segment AS s ON s.run_id = first.id
    CROSS JOIN flow AS f ON f.dst = s.id AND f.kind = 0
    CROSS JOIN node AS n ON n.id = f.src
WHERE first.key = ?1
ORDER BY n.key;

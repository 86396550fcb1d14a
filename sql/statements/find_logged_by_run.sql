-- The versions that a run created, each once.
-- Parameters: ?1 run key
-- Columns: key
-- Order: key
-- Index: node (key), segment (run_id, number), flow (src, dst, kind), node (id)
SELECT DISTINCT n.key
FROM node AS first
    CROSS JOIN segment AS s ON s.run_id = first.id
    CROSS JOIN flow AS f ON f.src = s.id AND f.kind = 1
    CROSS JOIN node AS n ON n.id = f.dst
WHERE first.key = ?1
ORDER BY n.key;

-- The segments of a run.
-- Parameters: ?1 run key
-- Columns: key, is_sealed
-- Order: number
-- Index: node (key), segment (run_id, number)
SELECT n.key, s.is_sealed
FROM node AS first
    CROSS JOIN segment AS s ON s.run_id = first.id
    CROSS JOIN node AS n ON n.id = s.id
WHERE first.key = ?1
ORDER BY s.number;

-- The versions that a run reproduced, each once.
-- Parameters: ?1 run key
-- Columns: key
-- Order: key
-- Index: node (key), segment (run_id, number), reproduced (segment_id, version_id), node (id)
SELECT DISTINCT n.key
FROM node AS first
    CROSS JOIN segment AS s ON s.run_id = first.id
    CROSS JOIN reproduced AS r ON r.segment_id = s.id
    CROSS JOIN node AS n ON n.id = r.version_id
WHERE first.key = ?1
ORDER BY n.key;

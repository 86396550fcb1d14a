-- The runs that logged a version's content again, each once.
-- Parameters: ?1 version key
-- Columns: run key
-- Order: run key
-- Index: node (key), reproduced_back (version_id, segment_id), segment (id), node (id)
SELECT DISTINCT r.key
FROM node AS v
    CROSS JOIN reproduced AS p ON p.version_id = v.id
    CROSS JOIN segment AS s ON s.id = p.segment_id
    CROSS JOIN node AS r ON r.id = s.run_id
WHERE v.key = ?1
ORDER BY r.key;

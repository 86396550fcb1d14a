-- A run's documents as they are stored.
-- Parameters: ?1 key
-- Columns: id, config, summary, summary_min, summary_max
-- Order: at most one row
-- Index: node (key), run (id)
SELECT r.id, r.config, r.summary, r.summary_min, r.summary_max
FROM node AS n
    CROSS JOIN run AS r ON r.id = n.id
WHERE n.key = ?1;

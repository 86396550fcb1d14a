-- Removes a run's nodes, and with them the run, its segments, values and edges.
-- Parameters: ?1 run key
-- Index: node (key), segment (run_id, number)
DELETE FROM node
WHERE id IN (
    SELECT s.id
    FROM node AS first
        CROSS JOIN segment AS s ON s.run_id = first.id
    WHERE first.key = ?1
);

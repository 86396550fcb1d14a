-- Adds a segment or version to the graph, unless its key was purged.
-- Parameters: ?1 key
-- Columns: id; no row if the key is retired
-- Order: at most one row
-- Index: retired_key (key), node (key)
INSERT INTO node (key)
SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM retired_key WHERE key = ?1)
RETURNING id;

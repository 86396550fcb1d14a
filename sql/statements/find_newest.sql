-- The live version of a collection with the highest index.
-- Parameters: ?1 collection key
-- Columns: key
-- Order: number, highest first; at most one row
-- Index: collection (key), version_live (collection_id, number)
SELECT n.key
FROM collection AS c
    CROSS JOIN version AS v ON v.collection_id = c.id AND v.state = 'committed'
    CROSS JOIN node AS n ON n.id = v.id
WHERE c.key = ?1
ORDER BY v.number DESC
LIMIT 1;

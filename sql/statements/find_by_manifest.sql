-- The live version of a collection with this content; the first, if there were several. The plus
-- before v.number keeps the planner from walking version_live instead.
-- Parameters: ?1 collection key, ?2 manifest
-- Columns: key
-- Order: number; at most one row
-- Index: collection (key), version_live_manifest (collection_id, manifest)
SELECT n.key
FROM collection AS c
    CROSS JOIN version AS v
        ON v.collection_id = c.id AND v.manifest = ?2 AND v.state = 'committed'
    CROSS JOIN node AS n ON n.id = v.id
WHERE c.key = ?1
ORDER BY +v.number
LIMIT 1;

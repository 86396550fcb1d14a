-- The live versions of a project or of one of its collections.
-- Parameters: ?1 project key, ?2 collection key or NULL
-- Columns: id
-- Order: id
-- Index: project (key), collection_in_project (project_id, key), version_live (collection_id, number)
SELECT v.id
FROM collection AS c
    CROSS JOIN version AS v ON v.collection_id = c.id AND v.state = 'committed'
WHERE c.project_id = (SELECT id FROM project WHERE key = ?1) AND c.key = coalesce(?2, c.key)
ORDER BY v.id;

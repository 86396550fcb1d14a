-- Collections of a project, of one type or of all, after a key.
-- Parameters: ?1 project key, ?2 type or NULL, ?3 key to start after, ?4 limit
-- Columns: as find_collections
-- Order: key
-- Index: project (key), collection_in_project (project_id, key)
SELECT key, type, created_at, next_index, description
FROM collection
WHERE project_id = (SELECT id FROM project WHERE key = ?1)
    AND key > ?3
    AND (?2 IS NULL OR type = ?2)
ORDER BY key
LIMIT ?4;

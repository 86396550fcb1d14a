-- A page of versions. What follows a comment such as /*where*/ is put in by compile_filter.
-- Parameters: :projects their ids (carray), :collection key or NULL, :limit
-- Columns: key, the value they are ordered by
-- Order: as asked, then key
-- Index: collection_in_project (project_id, key), version (collection_id, number),
--   version_value (version_id, path)
SELECT n.key, /*value*/ NULL
FROM collection AS c
    CROSS JOIN project AS p ON p.id = c.project_id
    CROSS JOIN version AS v ON v.collection_id = c.id
    CROSS JOIN node AS n ON n.id = v.id
WHERE c.project_id IN (SELECT value FROM carray(:projects))
    AND c.key = coalesce(:collection, c.key)
    AND /*where*/ TRUE
ORDER BY /*order*/ n.key
LIMIT :limit;

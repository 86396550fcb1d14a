-- A page of versions. The parts between /* */ and the word after them are put in by compile_filter.
-- Parameters: :projects their ids (carray), :collection key or NULL, :limit
-- Columns: as find_versions, then the value they are ordered by
-- Order: as asked, then key
-- Index: collection_in_project (project_id, key), version (collection_id, number),
--   version_value (version_id, path)
SELECT
    n.key, c.type, v.state, v.manifest, v.size_bytes, v.n_files, v.created_at, v.created_by,
    v.deleted_at, v.deleted_by, v.revision, v.tags,
    (SELECT json_group_array(a.name ORDER BY a.name) FROM alias AS a WHERE a.version_id = v.id),
    v.description, v.metadata,
    /*value*/ NULL
FROM collection AS c
    CROSS JOIN project AS p ON p.id = c.project_id
    CROSS JOIN version AS v ON v.collection_id = c.id
    CROSS JOIN node AS n ON n.id = v.id
WHERE c.project_id IN (SELECT value FROM carray(:projects))
    AND c.key = coalesce(:collection, c.key)
    AND /*where*/ TRUE
ORDER BY /*order*/ n.key
LIMIT :limit;

-- Versions.
-- Parameters: ?1 keys (carray)
-- Columns: key, type, state, manifest, size_bytes, n_files, created_at, created_by, deleted_at,
--   deleted_by, revision, tags, aliases, description, metadata, checked_at, checked_by, n_ok,
--   n_changed, n_missing, n_unversioned
-- Order: key
-- Index: node (key), version (id), collection (id), alias_of_version (version_id, name),
--   reference_check (version_id)
SELECT
    n.key, c.type, v.state, v.manifest, v.size_bytes, v.n_files, v.created_at, v.created_by,
    v.deleted_at, v.deleted_by, v.revision, v.tags,
    (SELECT json_group_array(a.name ORDER BY a.name) FROM alias AS a WHERE a.version_id = v.id),
    v.description, v.metadata,
    r.checked_at, r.checked_by, r.n_ok, r.n_changed, r.n_missing, r.n_unversioned
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN version AS v ON v.id = n.id
    CROSS JOIN collection AS c ON c.id = v.collection_id
    LEFT JOIN reference_check AS r ON r.version_id = v.id
ORDER BY n.key;

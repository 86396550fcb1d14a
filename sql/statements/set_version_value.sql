-- Keeps one leaf of a version's metadata.
-- Parameters: ?1 version id, ?2 path, ?3 value
-- Index: version_value (version_id, path)
INSERT INTO version_value (version_id, path, value) VALUES (?1, ?2, ?3)
ON CONFLICT (version_id, path) DO UPDATE SET value = excluded.value;

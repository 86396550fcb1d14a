-- Forgets one leaf of a version's metadata.
-- Parameters: ?1 version id, ?2 path
-- Index: version_value (version_id, path)
DELETE FROM version_value WHERE version_id = ?1 AND path = ?2;

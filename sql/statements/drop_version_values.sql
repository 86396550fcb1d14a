-- Forgets the metadata of versions.
-- Parameters: ?1 version ids (carray)
-- Index: version_value (version_id, path)
DELETE FROM version_value WHERE version_id IN (SELECT value FROM carray(?1));

-- Takes every alias from versions.
-- Parameters: ?1 version ids (carray)
-- Index: alias_of_version (version_id, name)
DELETE FROM alias WHERE version_id IN (SELECT value FROM carray(?1));

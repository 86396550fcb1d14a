-- Forgets what the last checks of these versions found.
-- Parameters: ?1 version ids (carray)
-- Index: reference_check (version_id)
DELETE FROM reference_check WHERE version_id IN (SELECT value FROM carray(?1));

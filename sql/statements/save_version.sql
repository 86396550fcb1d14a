-- Replaces what may change of a version.
-- Parameters: ?1 id, ?2 metadata, ?3 description, ?4 tags, ?5 revision
-- Index: version (id)
UPDATE version SET metadata = ?2, description = ?3, tags = ?4, revision = ?5 WHERE id = ?1;

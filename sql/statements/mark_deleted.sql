-- Marks live versions as deleted and empties what people said about them.
-- Parameters: ?1 version ids (carray), ?2 deleted_at, ?3 deleted_by
-- Index: version (id)
UPDATE version
SET
    state = 'deleted', deleted_at = ?2, deleted_by = ?3, tags = '[]', description = '',
    metadata = '{}'
WHERE id IN (SELECT value FROM carray(?1)) AND state = 'committed';

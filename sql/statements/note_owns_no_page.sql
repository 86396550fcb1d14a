-- Notes that a version owns no page any more, if so.
-- Parameters: ?1 version id
-- Index: version (id), version_page (version_id, position)
UPDATE version
SET owns_pages = FALSE
WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM version_page WHERE version_id = ?1);

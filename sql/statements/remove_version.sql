-- Removes a version's node, and with it the version and its edges; refused while it owns a page.
-- Parameters: ?1 key
-- Index: node (key), version_page (version_id, position)
DELETE FROM node WHERE key = ?1;

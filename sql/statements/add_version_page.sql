-- Makes a version own a page.
-- Parameters: ?1 version id, ?2 position, ?3 page digest
-- Index: page (digest)
INSERT INTO version_page (version_id, position, page_id)
VALUES (?1, ?2, (SELECT id FROM page WHERE digest = ?3));

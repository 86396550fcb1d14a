-- Makes a draft own a page.
-- Parameters: ?1 draft key, ?2 page digest
-- Index: draft (key), page (digest)
INSERT INTO draft_page (draft_id, page_id)
VALUES ((SELECT id FROM draft WHERE key = ?1), (SELECT id FROM page WHERE digest = ?2))
ON CONFLICT (draft_id, page_id) DO NOTHING;

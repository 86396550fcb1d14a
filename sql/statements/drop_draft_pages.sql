-- Takes pages from a draft.
-- Parameters: ?1 draft key, ?2 page digests (carray)
-- Index: draft (key), page (digest), draft_page (draft_id, page_id)
DELETE FROM draft_page
WHERE draft_id = (SELECT id FROM draft WHERE key = ?1)
    AND page_id IN (SELECT p.id FROM carray(?2) AS k CROSS JOIN page AS p ON p.digest = k.value);

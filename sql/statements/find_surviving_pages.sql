-- Which pages a version outside a set owns, or a draft.
-- Parameters: ?1 page ids (carray), ?2 version ids of the set (carray)
-- Columns: page id
-- Order: as given
-- Index: version_page_back (page_id, version_id), draft_page_back (page_id, draft_id)
SELECT k.value
FROM carray(?1) AS k
WHERE EXISTS (SELECT 1 FROM draft_page AS o WHERE o.page_id = k.value)
    OR EXISTS (
        SELECT 1
        FROM version_page AS o
        WHERE o.page_id = k.value AND o.version_id NOT IN (SELECT value FROM carray(?2))
    );

-- The pages that a draft owns.
-- Parameters: ?1 draft key
-- Columns: digest
-- Order: digest
-- Index: draft (key), draft_page (draft_id, page_id), page (id)
SELECT p.digest
FROM draft AS d
    CROSS JOIN draft_page AS o ON o.draft_id = d.id
    CROSS JOIN page AS p ON p.id = o.page_id
WHERE d.key = ?1
ORDER BY p.digest;

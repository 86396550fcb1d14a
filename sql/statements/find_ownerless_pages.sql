-- Which pages no version and no draft owns.
-- Parameters: ?1 digests (carray)
-- Columns: digest
-- Order: digest
-- Index: page (digest), version_page_back (page_id, version_id), draft_page_back (page_id, draft_id)
SELECT p.digest
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
WHERE NOT EXISTS (SELECT 1 FROM version_page AS o WHERE o.page_id = p.id)
    AND NOT EXISTS (SELECT 1 FROM draft_page AS o WHERE o.page_id = p.id)
ORDER BY p.digest;

-- Which pages a live version in a readable project owns, or a draft of the caller.
-- Parameters: ?1 digests (carray), ?2 whether the scope sees everything, ?3 entities it sees
--   (carray), ?4 caller
-- Columns: digest
-- Order: digest
-- Index: page (digest), version_page_back (page_id, version_id), draft_page_back (page_id, draft_id)
SELECT p.digest
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
WHERE EXISTS (
        SELECT 1
        FROM version_page AS o
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN collection AS c ON c.id = v.collection_id
            CROSS JOIN project AS j ON j.id = c.project_id
        WHERE o.page_id = p.id
            AND v.state = 'committed'
            AND (?2 OR j.access <> 'private' OR j.entity IN (SELECT value FROM carray(?3)))
    )
    OR EXISTS (
        SELECT 1
        FROM draft_page AS o
            CROSS JOIN draft AS d ON d.id = o.draft_id
        WHERE o.page_id = p.id AND d.actor = ?4
    )
ORDER BY p.digest;

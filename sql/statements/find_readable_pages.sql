-- Which pages without a lost blob a live version in a readable project owns, or a draft of the
-- caller. A lost blob's object begins with `lost:`; nearly always there is none.
-- Parameters: ?1 digests (carray), ?2 whether the scope sees everything, ?3 entities it sees
--   (carray), ?4 caller
-- Columns: digest
-- Order: digest
-- Index: page (digest), blob (object), page_blob_back (blob_id, page_id), version_page_back
--   (page_id, version_id), draft_page_back (page_id, draft_id)
SELECT p.digest
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
WHERE p.id NOT IN (
        SELECT i.page_id
        FROM blob AS b
            CROSS JOIN page_blob AS i ON i.blob_id = b.id
        WHERE b.object > 'lost:' AND b.object < 'lost;'
    )
    AND (
        EXISTS (
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
    )
ORDER BY p.digest;

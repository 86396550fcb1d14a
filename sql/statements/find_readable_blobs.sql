-- Which blobs a readable page contains, or a draft of the caller holds.
-- Parameters: ?1 digests (carray), ?2 whether the scope sees everything, ?3 entities it sees
--   (carray), ?4 caller
-- Columns: digest
-- Order: digest
-- A live version is looked for first: a blob in thousands of pages is nearly always in one.
-- Index: blob (digest), draft_blob_back (blob_id, draft_id), page_blob_back (blob_id, page_id),
--   version_page_back (page_id, version_id), draft_page_back (page_id, draft_id)
SELECT b.digest
FROM carray(?1) AS k
    CROSS JOIN blob AS b ON b.digest = k.value
WHERE EXISTS (
        SELECT 1
        FROM page_blob AS i
            CROSS JOIN version_page AS o ON o.page_id = i.page_id
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN collection AS c ON c.id = v.collection_id
            CROSS JOIN project AS j ON j.id = c.project_id
        WHERE i.blob_id = b.id
            AND v.state = 'committed'
            AND (?2 OR j.access <> 'private' OR j.entity IN (SELECT value FROM carray(?3)))
    )
    OR EXISTS (
        SELECT 1
        FROM draft_blob AS h
            CROSS JOIN draft AS d ON d.id = h.draft_id
        WHERE h.blob_id = b.id AND d.actor = ?4
    )
    OR EXISTS (
        SELECT 1
        FROM page_blob AS i
            CROSS JOIN draft_page AS o ON o.page_id = i.page_id
            CROSS JOIN draft AS d ON d.id = o.draft_id
        WHERE i.blob_id = b.id AND d.actor = ?4
    )
ORDER BY b.digest;

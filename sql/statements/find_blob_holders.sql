-- The live versions and the drafts with a page that contains a blob, and the drafts that hold it.
-- Parameters: ?1 blob digest, ?2 name to start after, ?3 limit
-- Columns: version key, or `draft:` and the draft's key
-- Order: by that
-- Index: blob (digest), page_blob_back (blob_id, page_id), version_page_back (page_id, version_id),
--   draft_page_back (page_id, draft_id), draft_blob_back (blob_id, draft_id), version (id),
--   node (id), draft (id)
SELECT name
FROM (
        SELECT n.key AS name
        FROM blob AS b
            CROSS JOIN page_blob AS c ON c.blob_id = b.id
            CROSS JOIN version_page AS o ON o.page_id = c.page_id
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN node AS n ON n.id = v.id
        WHERE b.digest = ?1 AND v.state = 'committed'
        UNION
        SELECT 'draft:' || d.key
        FROM blob AS b
            CROSS JOIN page_blob AS c ON c.blob_id = b.id
            CROSS JOIN draft_page AS o ON o.page_id = c.page_id
            CROSS JOIN draft AS d ON d.id = o.draft_id
        WHERE b.digest = ?1
        UNION
        SELECT 'draft:' || d.key
        FROM blob AS b
            CROSS JOIN draft_blob AS h ON h.blob_id = b.id
            CROSS JOIN draft AS d ON d.id = h.draft_id
        WHERE b.digest = ?1
    ) AS x
WHERE name > ?2
ORDER BY name
LIMIT ?3;

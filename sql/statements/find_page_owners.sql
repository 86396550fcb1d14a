-- The live versions and the drafts that own a page.
-- Parameters: ?1 page digest, ?2 name to start after, ?3 limit
-- Columns: version key, or `draft:` and the draft's key
-- Order: by that
-- Index: page (digest), version_page_back (page_id, version_id), draft_page_back
--   (page_id, draft_id), version (id), node (id), draft (id)
SELECT name
FROM (
        SELECT n.key AS name
        FROM page AS p
            CROSS JOIN version_page AS o ON o.page_id = p.id
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN node AS n ON n.id = v.id
        WHERE p.digest = ?1 AND v.state = 'committed'
        UNION
        SELECT 'draft:' || d.key
        FROM page AS p
            CROSS JOIN draft_page AS o ON o.page_id = p.id
            CROSS JOIN draft AS d ON d.id = o.draft_id
        WHERE p.digest = ?1
    ) AS x
WHERE name > ?2
ORDER BY name
LIMIT ?3;

-- The live versions in readable projects that own one of these pages.
-- Parameters: ?1 page ids (carray), ?2 whether the scope sees everything, ?3 entities it sees
--   (carray), ?4 limit
-- Columns: version key
-- Order: version key
-- Index: version_page_back (page_id, version_id), version (id), collection (id), project (id)
SELECT DISTINCT n.key
FROM carray(?1) AS k
    CROSS JOIN version_page AS o ON o.page_id = k.value
    CROSS JOIN version AS v ON v.id = o.version_id
    CROSS JOIN collection AS c ON c.id = v.collection_id
    CROSS JOIN project AS j ON j.id = c.project_id
    CROSS JOIN node AS n ON n.id = v.id
WHERE v.state = 'committed'
    AND (?2 OR j.access <> 'private' OR j.entity IN (SELECT value FROM carray(?3)))
ORDER BY n.key
LIMIT ?4;

-- Who keeps each of these blobs if versions go: a live version outside the set, the first by key,
-- else a draft, else a version whose deletion is not finished (they sort as 0, 1 and 2).
-- Parameters: ?1 blob digests (carray), ?2 version ids of the set (carray)
-- Columns: digest, rank and name of the holder
-- Order: digest
-- Index: blob (digest), page_blob_back (blob_id, page_id), version_page_back (page_id, version_id),
--   version (id), node (id), draft_page_back (page_id, draft_id), draft_blob_back (blob_id, draft_id),
--   draft (id)
SELECT x.digest, min(x.name)
FROM (
        SELECT b.digest, iif(v.state = 'committed', '0', '2') || n.key AS name
        FROM carray(?1) AS k
            CROSS JOIN blob AS b ON b.digest = k.value
            CROSS JOIN page_blob AS c ON c.blob_id = b.id
            CROSS JOIN version_page AS o ON o.page_id = c.page_id
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN node AS n ON n.id = v.id
        WHERE o.version_id NOT IN (SELECT value FROM carray(?2))
        UNION ALL
        SELECT b.digest, '1draft:' || d.key
        FROM carray(?1) AS k
            CROSS JOIN blob AS b ON b.digest = k.value
            CROSS JOIN page_blob AS c ON c.blob_id = b.id
            CROSS JOIN draft_page AS o ON o.page_id = c.page_id
            CROSS JOIN draft AS d ON d.id = o.draft_id
        UNION ALL
        SELECT b.digest, '1draft:' || d.key
        FROM carray(?1) AS k
            CROSS JOIN blob AS b ON b.digest = k.value
            CROSS JOIN draft_blob AS h ON h.blob_id = b.id
            CROSS JOIN draft AS d ON d.id = h.draft_id
    ) AS x
GROUP BY x.digest
ORDER BY x.digest;

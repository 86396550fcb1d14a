-- Who keeps shared blobs, each blob under its first holder: a live version outside the set by key,
-- else a draft, else a version whose deletion is not finished (they sort as 0, 1 and 2).
-- Parameters: ?1 blob ids (carray), ?2 version ids of the set (carray)
-- Columns: rank and name of the holder, number of blobs, their bytes
-- Order: rank and name
-- Index: page_blob_back (blob_id, page_id), version_page_back (page_id, version_id), draft_page_back
--   (page_id, draft_id), draft_blob_back (blob_id, draft_id), node (id), draft (id)
WITH
    around (page_id) AS MATERIALIZED (
        SELECT DISTINCT c.page_id
        FROM carray(?1) AS k
            CROSS JOIN page_blob AS c ON c.blob_id = k.value
    ),
    owner (page_id, name) AS (
        SELECT a.page_id, iif(v.state = 'committed', '0', '2') || n.key
        FROM around AS a
            CROSS JOIN version_page AS o ON o.page_id = a.page_id
            CROSS JOIN version AS v ON v.id = o.version_id
            CROSS JOIN node AS n ON n.id = v.id
        WHERE o.version_id NOT IN (SELECT value FROM carray(?2))
        UNION ALL
        SELECT a.page_id, '1draft:' || d.key
        FROM around AS a
            CROSS JOIN draft_page AS o ON o.page_id = a.page_id
            CROSS JOIN draft AS d ON d.id = o.draft_id
    ),
    first_owner (page_id, name) AS MATERIALIZED (
        SELECT page_id, min(name) FROM owner GROUP BY page_id
    ),
    holder (blob_id, name) AS (
        SELECT k.value, f.name
        FROM carray(?1) AS k
            CROSS JOIN page_blob AS c ON c.blob_id = k.value
            CROSS JOIN first_owner AS f ON f.page_id = c.page_id
        UNION ALL
        SELECT k.value, '1draft:' || d.key
        FROM carray(?1) AS k
            CROSS JOIN draft_blob AS h ON h.blob_id = k.value
            CROSS JOIN draft AS d ON d.id = h.draft_id
    ),
    first_holder (blob_id, name) AS (
        SELECT blob_id, min(name) FROM holder GROUP BY blob_id
    )
SELECT f.name, count(*), sum(b.size_bytes)
FROM first_holder AS f
    CROSS JOIN blob AS b ON b.id = f.blob_id
GROUP BY f.name
ORDER BY f.name;

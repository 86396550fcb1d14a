-- The blobs that these pages contain, no other page contains, and no draft holds.
-- Parameters: ?1 page ids (carray)
-- Columns: id, digest, size_bytes
-- Order: digest
-- Index: page_blob (page_id, blob_id), page_blob_back (blob_id, page_id), draft_blob_back
--   (blob_id, draft_id), blob (id)
SELECT b.id, b.digest, b.size_bytes
FROM (
        SELECT DISTINCT c.blob_id
        FROM carray(?1) AS k
            CROSS JOIN page_blob AS c ON c.page_id = k.value
    ) AS x
    CROSS JOIN blob AS b ON b.id = x.blob_id
WHERE NOT EXISTS (SELECT 1 FROM draft_blob AS h WHERE h.blob_id = b.id)
    AND NOT EXISTS (
        SELECT 1
        FROM page_blob AS o
        WHERE o.blob_id = b.id AND o.page_id NOT IN (SELECT value FROM carray(?1))
    )
ORDER BY b.digest;

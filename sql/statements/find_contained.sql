-- The blobs that pages contain, each once.
-- Parameters: ?1 page ids (carray)
-- Columns: blob id, size_bytes
-- Order: id
-- Index: page_blob (page_id, blob_id), blob (id)
SELECT b.id, b.size_bytes
FROM (
        SELECT DISTINCT c.blob_id
        FROM carray(?1) AS k
            CROSS JOIN page_blob AS c ON c.page_id = k.value
    ) AS x
    CROSS JOIN blob AS b ON b.id = x.blob_id
ORDER BY b.id;

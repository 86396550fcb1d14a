-- The blobs that pages contain.
-- Parameters: ?1 page ids (carray)
-- Columns: page id, blob digest, size_bytes
-- Order: page id, digest
-- Index: page_blob (page_id, blob_id), blob (id)
SELECT c.page_id, b.digest, b.size_bytes
FROM carray(?1) AS k
    CROSS JOIN page_blob AS c ON c.page_id = k.value
    CROSS JOIN blob AS b ON b.id = c.blob_id
ORDER BY c.page_id, b.digest;

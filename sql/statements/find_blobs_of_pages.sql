-- The blobs that pages contain, each once.
-- Parameters: ?1 page digests (carray)
-- Columns: digest
-- Order: digest
-- Index: page (digest), page_blob (page_id, blob_id), blob (id)
SELECT DISTINCT b.digest
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
    CROSS JOIN page_blob AS c ON c.page_id = p.id
    CROSS JOIN blob AS b ON b.id = c.blob_id
ORDER BY b.digest;

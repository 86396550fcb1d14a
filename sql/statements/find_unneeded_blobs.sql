-- Which blobs no page contains and no draft holds.
-- Parameters: ?1 digests (carray)
-- Columns: as find_blobs
-- Order: digest
-- Index: blob (digest), page_blob_back (blob_id, page_id), draft_blob_back (blob_id, draft_id)
SELECT b.digest, b.size_bytes, b.object, b.until
FROM carray(?1) AS k
    CROSS JOIN blob AS b ON b.digest = k.value
WHERE NOT EXISTS (SELECT 1 FROM page_blob AS c WHERE c.blob_id = b.id)
    AND NOT EXISTS (SELECT 1 FROM draft_blob AS h WHERE h.blob_id = b.id)
ORDER BY b.digest;

-- Blobs.
-- Parameters: ?1 digests (carray)
-- Columns: digest, size_bytes, object, until
-- Order: digest
-- Index: blob (digest)
SELECT b.digest, b.size_bytes, b.object, b.until
FROM carray(?1) AS k
    CROSS JOIN blob AS b ON b.digest = k.value
ORDER BY b.digest;

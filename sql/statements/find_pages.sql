-- What is known of pages, without their bodies.
-- Parameters: ?1 digests (carray)
-- Columns: digest, n_entries, size_bytes, is_closed, first_path, last_path
-- Order: digest
-- Index: page (digest)
SELECT p.digest, p.n_entries, p.size_bytes, p.is_closed, p.first_path, p.last_path
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
ORDER BY p.digest;

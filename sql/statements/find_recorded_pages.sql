-- Pages with all that stands beside what they contain and list.
-- Parameters: ?1 digests (carray)
-- Columns: id, digest, n_entries, size_bytes, is_closed, first_path, last_path, body
-- Order: digest
-- Index: page (digest)
SELECT p.id, p.digest, p.n_entries, p.size_bytes, p.is_closed, p.first_path, p.last_path, p.body
FROM carray(?1) AS k
    CROSS JOIN page AS p ON p.digest = k.value
ORDER BY p.digest;

-- All blobs, in pages.
-- Parameters: ?1 digest to start after, ?2 limit
-- Columns: as find_blobs
-- Order: digest
-- Index: blob (digest)
SELECT digest, size_bytes, object, until FROM blob WHERE digest > ?1 ORDER BY digest LIMIT ?2;

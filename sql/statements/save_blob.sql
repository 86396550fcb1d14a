-- Replaces all but the digest of a blob.
-- Parameters: ?1 digest, ?2 size_bytes, ?3 object, ?4 until
-- Index: blob (digest)
UPDATE blob SET size_bytes = ?2, object = ?3, until = ?4 WHERE digest = ?1;

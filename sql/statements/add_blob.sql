-- Adds a blob.
-- Parameters: ?1 digest, ?2 size_bytes, ?3 object, ?4 until
INSERT INTO blob (digest, size_bytes, object, until) VALUES (?1, ?2, ?3, ?4);

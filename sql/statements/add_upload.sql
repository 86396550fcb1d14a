-- Adds an upload.
-- Parameters: ?1 object, ?2 digest, ?3 size_bytes, ?4 draft key, ?5 until
-- Index: draft (key)
INSERT INTO upload (object, digest, size_bytes, draft_id, until)
VALUES (?1, ?2, ?3, (SELECT id FROM draft WHERE key = ?4), ?5);

-- Records that a page contains a blob.
-- Parameters: ?1 page id, ?2 blob digest
-- Index: blob (digest)
INSERT INTO page_blob (page_id, blob_id) VALUES (?1, (SELECT id FROM blob WHERE digest = ?2));

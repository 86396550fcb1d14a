-- Records that a page contains a file of several parts.
-- Parameters: ?1 page id, ?2 digest of the whole file
-- Index: page_file (digest, page_id)
INSERT INTO page_file (page_id, digest) VALUES (?1, ?2) ON CONFLICT (digest, page_id) DO NOTHING;

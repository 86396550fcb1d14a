-- Removes blobs; refused for one that a page contains or a draft holds.
-- Parameters: ?1 digests (carray)
-- Index: blob (digest)
DELETE FROM blob WHERE digest IN (SELECT value FROM carray(?1));

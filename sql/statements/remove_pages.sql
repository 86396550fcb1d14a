-- Removes pages with what they contain; refused for one that is owned.
-- Parameters: ?1 digests (carray)
-- Index: page (digest)
DELETE FROM page WHERE digest IN (SELECT value FROM carray(?1));

-- Removes uploads.
-- Parameters: ?1 objects (carray)
-- Index: upload (object)
DELETE FROM upload WHERE object IN (SELECT value FROM carray(?1));

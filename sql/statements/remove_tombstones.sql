-- Removes tombstones.
-- Parameters: ?1 objects (carray)
-- Index: tombstone (object)
DELETE FROM tombstone WHERE object IN (SELECT value FROM carray(?1));

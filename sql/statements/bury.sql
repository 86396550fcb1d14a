-- Records that the objects of tombstones have been deleted.
-- Parameters: ?1 objects (carray), ?2 deleted_at
-- Index: tombstone (object)
UPDATE tombstone SET deleted_at = ?2 WHERE object IN (SELECT value FROM carray(?1));

-- Adds a tombstone.
-- Parameters: ?1 object, ?2 size_bytes, ?3 until, ?4 deleted_at
INSERT INTO tombstone (object, size_bytes, until, deleted_at) VALUES (?1, ?2, ?3, ?4);

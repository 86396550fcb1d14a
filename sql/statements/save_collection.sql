-- Replaces what may change of a collection.
-- Parameters: ?1 key, ?2 next_index, ?3 description
-- Index: collection (key)
UPDATE collection SET next_index = ?2, description = ?3 WHERE key = ?1;

-- Removes an alias.
-- Parameters: ?1 collection key, ?2 name
-- Index: collection (key), alias (collection_id, name)
DELETE FROM alias
WHERE collection_id = (SELECT id FROM collection WHERE key = ?1) AND name = ?2;

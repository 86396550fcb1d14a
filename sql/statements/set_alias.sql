-- Points an alias at a version, away from any other.
-- Parameters: ?1 collection key, ?2 name, ?3 version key
-- Index: collection (key), node (key), alias (collection_id, name)
INSERT INTO alias (collection_id, name, version_id)
VALUES (
    (SELECT id FROM collection WHERE key = ?1), ?2, (SELECT id FROM node WHERE key = ?3)
)
ON CONFLICT (collection_id, name) DO UPDATE SET version_id = excluded.version_id;

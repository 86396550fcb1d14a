-- Which versions aliases of a collection name.
-- Parameters: ?1 collection key, ?2 names (carray)
-- Columns: name, version key
-- Order: name
-- Index: collection (key), alias (collection_id, name), node (id)
SELECT a.name, n.key
FROM carray(?2) AS k
    CROSS JOIN alias AS a
        ON a.collection_id = (SELECT id FROM collection WHERE key = ?1) AND a.name = k.value
    CROSS JOIN node AS n ON n.id = a.version_id
ORDER BY a.name;

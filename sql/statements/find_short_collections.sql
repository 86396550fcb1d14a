-- Collections that have not as many versions, purged ones included, as they have given indexes.
-- Parameters: none
-- Columns: key, number of versions that are missing
-- Order: key
-- Index: collection (key), version (collection_id, number), retired_key (key)
SELECT x.key, x.n_missing
FROM (
        SELECT
            c.key,
            c.next_index
            - (SELECT count(*) FROM version AS v WHERE v.collection_id = c.id)
            - (
                SELECT count(*)
                FROM retired_key AS r
                WHERE r.key > 'artifact:' || c.key || ':' AND r.key < 'artifact:' || c.key || ';'
            ) AS n_missing
        FROM collection AS c
    ) AS x
WHERE x.n_missing > 0
ORDER BY x.key;

-- Which segment reproduced which version, where either is among these.
-- Parameters: ?1 keys (carray)
-- Columns: segment key, version key
-- Order: segment key, version key
-- Index: node (key), reproduced (segment_id, version_id), reproduced_back (version_id, segment_id)
SELECT n.key, v.key
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN reproduced AS p ON p.segment_id = n.id
    CROSS JOIN node AS v ON v.id = p.version_id
UNION
SELECT s.key, n.key
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN reproduced AS p ON p.version_id = n.id
    CROSS JOIN node AS s ON s.id = p.segment_id
ORDER BY 1, 2;

-- Which segments created versions; the first by key, if there were several.
-- Parameters: ?1 version keys (carray)
-- Columns: version key, segment key
-- Order: version key
-- Index: node (key), flow_back (dst, src, kind), node (id)
SELECT v.key, min(s.key)
FROM carray(?1) AS k
    CROSS JOIN node AS v ON v.key = k.value
    CROSS JOIN flow AS f ON f.dst = v.id AND f.kind = 1
    CROSS JOIN node AS s ON s.id = f.src
GROUP BY v.key
ORDER BY v.key;

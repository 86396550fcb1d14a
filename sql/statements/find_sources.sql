-- The flow edges that lead into nodes.
-- Parameters: ?1 keys (carray)
-- Columns: src key, dst key, kind
-- Order: src key, dst key, kind
-- Index: node (key), flow_back (dst, src, kind), node (id)
SELECT s.key, d.key, f.kind
FROM carray(?1) AS k
    CROSS JOIN node AS d ON d.key = k.value
    CROSS JOIN flow AS f ON f.dst = d.id
    CROSS JOIN node AS s ON s.id = f.src
ORDER BY s.key, d.key, f.kind;

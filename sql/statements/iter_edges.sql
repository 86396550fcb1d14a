-- All flow edges.
-- Parameters: none
-- Columns: src key, dst key, kind
-- Order: src key, dst key, kind
-- Index: node (key), flow (src, dst, kind), node (id)
SELECT s.key, d.key, f.kind
FROM node AS s
    CROSS JOIN flow AS f ON f.src = s.id
    CROSS JOIN node AS d ON d.id = f.dst
ORDER BY s.key, d.key, f.kind;

-- The edges out of nodes.
-- Parameters: ?1 node ids (carray)
-- Columns: src, dst, kind
-- Order: as given, then dst, kind
-- Index: flow (src, dst, kind)
SELECT f.src, f.dst, f.kind FROM carray(?1) AS k CROSS JOIN flow AS f ON f.src = k.value;

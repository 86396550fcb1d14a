-- The edges into nodes.
-- Parameters: ?1 node ids (carray)
-- Columns: dst, src
-- Order: as given, then src, kind
-- Index: flow_back (dst, src, kind)
SELECT f.dst, f.src FROM carray(?1) AS k CROSS JOIN flow AS f ON f.dst = k.value;

-- One level of an upstream trace: where the edges into many nodes come from, packed into one text.
-- Parameters: ?1 node ids (carray)
-- Columns: ids with commas between them, repeated as edges repeat them; NULL for none
-- Order: one row
-- Index: flow_back (dst, src, kind)
SELECT group_concat(f.src) FROM carray(?1) AS k CROSS JOIN flow AS f ON f.dst = k.value;

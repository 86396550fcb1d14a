-- One level of a downstream trace: where the edges out of many nodes lead, packed into one text,
-- since a row for each would cost more than the look-up.
-- Parameters: ?1 node ids (carray)
-- Columns: ids with commas between them, repeated as edges repeat them; NULL for none
-- Order: one row
-- Index: flow (src, dst, kind)
SELECT group_concat(f.dst) FROM carray(?1) AS k CROSS JOIN flow AS f ON f.src = k.value;

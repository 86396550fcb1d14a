-- The keys of nodes, packed into one text. CROSS JOIN keeps the order of the array.
-- Parameters: ?1 node ids (carray), all of them in the graph
-- Columns: keys with newlines between them
-- Order: one row; the keys as the ids are given
-- Index: node (id)
SELECT group_concat(n.key, char(10)) FROM carray(?1) AS k CROSS JOIN node AS n ON n.id = k.value;

// All flow edges, packed by where they begin.
// Parameters: none
// Columns: src key, dst keys
// Order: src key
// Index: node_key
MATCH (s:Node)
WHERE s.key > ''
WITH s
ORDER BY s.key
MATCH (s)-[:FEEDS|LOGGED|CONTINUES]->(d:Node)
WITH s.key AS src, collect(d.key) AS ends
RETURN src, ends
ORDER BY src;

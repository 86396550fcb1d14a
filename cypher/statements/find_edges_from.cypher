// The edges out of nodes, packed.
// Parameters: $keys
// Columns: keys and lists of keys, two lists in the same order
// Order: one row
// Index: node_key
UNWIND $keys AS key
MATCH (n:Node {key: key})
RETURN collect(n.key) AS keys, collect([(n)-[:FEEDS|LOGGED|CONTINUES]->(m) | m.key]) AS ends;

// What reproduced versions, and what segments reproduced, packed.
// Parameters: $keys
// Columns: keys and lists of keys, two lists in the same order
// Order: one row
// Index: node_key
UNWIND $keys AS key
MATCH (n:Node {key: key})
WHERE EXISTS { (n)-[:REPRODUCED]-() }
RETURN collect(n.key) AS keys, collect([(n)-[:REPRODUCED]-(m) | m.key]) AS ends;

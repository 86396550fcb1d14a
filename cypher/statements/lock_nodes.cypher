// Locks segments and versions, in the order given; what is not there locks nothing.
// Parameters: $rows [key]
// Index: node_key
UNWIND $rows AS key
MATCH (n:Node {key: key})
SET n._lock = 0;

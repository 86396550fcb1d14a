// Whether a segment or version is there.
// Parameters: $key
// Columns: key
// Order: at most one row
// Index: node_key
MATCH (n:Node {key: $key})
RETURN n.key AS key;

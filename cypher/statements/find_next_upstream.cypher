// One level of a trace from many starts: where the edges into nodes come from, each node once.
// Parameters: $keys
// Columns: keys, a list
// Order: one row
// Index: node_key
UNWIND $keys AS key
MATCH (:Node {key: key})<-[:FEEDS|LOGGED|CONTINUES]-(m:Node)
RETURN collect(DISTINCT m.key) AS keys;

// A shortest path along the flow, both ends in it.
// Parameters: $start, $end, two different keys
// Columns: keys in the order of the path
// Order: at most one row
// Index: node_key
MATCH (a:Node {key: $start})
MATCH (b:Node {key: $end})
MATCH p = shortestPath((a)-[:FEEDS|LOGGED|CONTINUES*1..]->(b))
RETURN [n IN nodes(p) | n.key] AS keys;

// Everything upstream of one node, each once, at its least distance. `min(length(p))` is what keeps
// the planner with VarLengthExpand(Pruning,BFS).
// Parameters: $start key; a bound on the hops is put behind 1.. as a checked whole number
// Columns: hops and keys, two lists in the same order
// Order: one row
// Index: node_key
MATCH (a:Node {key: $start})
MATCH p = (a)<-[:FEEDS|LOGGED|CONTINUES*1..]-(n)
WITH n, min(length(p)) AS hop
RETURN collect(hop) AS hops, collect(n.key) AS keys;

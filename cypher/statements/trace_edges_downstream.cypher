// As trace_downstream, with the ends of the edges out of each node.
// Parameters: $start key; a bound on the hops is put behind 1.. as a checked whole number
// Columns: hops, keys and lists of keys, three lists in the same order
// Order: one row
// Index: node_key
MATCH (a:Node {key: $start})
MATCH p = (a)-[:FEEDS|LOGGED|CONTINUES*1..]->(n)
WITH n, min(length(p)) AS hop
RETURN collect(hop) AS hops, collect(n.key) AS keys,
  collect([(n)-[:FEEDS|LOGGED|CONTINUES]->(m) | m.key]) AS ends;

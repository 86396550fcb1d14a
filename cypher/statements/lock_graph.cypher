// Locks the graph as a whole: for edges that are declared afterwards.
// Parameters: $rows [name], its one name
// Index: graph_name
UNWIND $rows AS name
MATCH (n:Graph {name: name})
SET n._lock = 0;

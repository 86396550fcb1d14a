// Adds unsealed segments, each joined to the one before it.
// Parameters: $rows [{before, properties}]
// Index: node_key
UNWIND $rows AS row
MATCH (b:Node:Run {key: row.before})
CREATE (b)-[:CONTINUES]->(s:Node:Run)
SET s = row.properties
RETURN count(*) AS n;

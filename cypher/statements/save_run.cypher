// Replaces what may change of runs.
// Parameters: $rows [{key, properties}]; a property that is null is removed
// Index: node_key
UNWIND $rows AS row
MATCH (r:Node:Run {key: row.key})
SET r += row.properties
RETURN count(*) AS n;

// Replaces what may change of runs. A deleted one is also `Deleted`, which Browser shows.
// Parameters: $rows [{key, properties}]; a property that is null is removed
// Index: node_key
UNWIND $rows AS row
MATCH (r:Node:Run {key: row.key})
SET r += row.properties
FOREACH (_ IN CASE WHEN r.state = 'deleted' THEN [1] ELSE [] END | SET r:Deleted)
RETURN count(*) AS n;

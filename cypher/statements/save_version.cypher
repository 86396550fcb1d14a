// Replaces what may change of versions.
// Parameters: $rows [{key, properties}]; a property that is null is removed
// Index: node_key
UNWIND $rows AS row
MATCH (v:Node:Artifact {key: row.key})
SET v += row.properties
RETURN count(*) AS n;

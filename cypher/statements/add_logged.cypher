// Records that segments created versions.
// Parameters: $rows [{segment, version}]
// Index: node_key
UNWIND $rows AS row
MATCH (s:Node:Run {key: row.segment})
MATCH (v:Node:Artifact {key: row.version})
MERGE (s)-[:LOGGED]->(v)
RETURN count(*) AS n;

// Records that segments read versions: USED and its mirror.
// Parameters: $rows [{segment, version}]
// Index: node_key
UNWIND $rows AS row
MATCH (s:Node:Run {key: row.segment})
MATCH (v:Node:Artifact {key: row.version})
MERGE (s)-[:USED]->(v)
MERGE (v)-[:FEEDS]->(s)
RETURN count(*) AS n;

// The versions that a run created, each once.
// Parameters: $key of the run
// Columns: key
// Order: key
// Index: node_key
MATCH (:Node:Run {key: $key})-[:CONTINUES*0..]->(s:Run)
MATCH (s)-[:LOGGED]->(v:Artifact)
RETURN DISTINCT v.key AS key
ORDER BY key;

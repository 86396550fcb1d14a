// The segments that used versions, each once.
// Parameters: $keys of the versions
// Columns: segment key
// Order: segment key
// Index: node_key
UNWIND $keys AS key
MATCH (:Node:Artifact {key: key})-[:FEEDS]->(s:Run)
RETURN DISTINCT s.key AS segment
ORDER BY segment;

// The segments that logged a version's content again, each once.
// Parameters: $key of the version
// Columns: segment key
// Order: segment key
// Index: node_key
MATCH (:Node:Artifact {key: $key})<-[:REPRODUCED]-(s:Run)
RETURN DISTINCT s.key AS segment
ORDER BY segment;

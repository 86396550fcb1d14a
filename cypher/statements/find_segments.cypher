// The segments of a run.
// Parameters: $key of the run
// Columns: key, is_sealed
// Order: number
// Index: node_key
MATCH (:Node:Run {key: $key})-[:CONTINUES*0..]->(s:Run)
RETURN s.key AS key, s.sealed AS is_sealed
ORDER BY s.segment;

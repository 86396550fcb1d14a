// Seals segments.
// Parameters: $rows [key]
// Index: node_key
UNWIND $rows AS key
MATCH (s:Node:Run {key: key})
SET s.sealed = true
RETURN count(*) AS n;

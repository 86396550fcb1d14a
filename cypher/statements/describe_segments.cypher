// What a picture says about segments: mostly what holds for their run.
// Parameters: $pairs [{key, run}]
// Columns: key, state, job_type, name, created_at
// Order: key
// Index: node_key
UNWIND $pairs AS pair
MATCH (s:Node:Run {key: pair.key})
MATCH (r:Node:Run {key: pair.run})
RETURN s.key AS key, r.state AS state, r.job_type AS job_type, r.name AS name,
  s.created_at AS created_at
ORDER BY key;

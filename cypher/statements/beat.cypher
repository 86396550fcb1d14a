// Moves the heartbeats of runs.
// Parameters: $rows [{key, at}]
// Index: node_key
UNWIND $rows AS row
MATCH (r:Node:Run {key: row.key})
SET r.heartbeat_at = row.at
RETURN count(*) AS n;

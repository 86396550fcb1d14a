// Joins runs to the sweeps whose points they try.
// Parameters: $rows [{run, sweep}]
// Index: node_key, sweep_key
UNWIND $rows AS row
MATCH (r:Node:Run {key: row.run})
MATCH (s:Sweep {key: row.sweep})
CREATE (r)-[:IN_SWEEP]->(s)
RETURN count(*) AS n;

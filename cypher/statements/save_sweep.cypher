// Replaces what may change of sweeps.
// Parameters: $rows [{key, next_point, is_stopped}]
// Index: sweep_key
UNWIND $rows AS row
MATCH (s:Sweep {key: row.key})
SET s.next_point = row.next_point, s.is_stopped = row.is_stopped
RETURN count(*) AS n;

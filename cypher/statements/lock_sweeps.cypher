// Locks sweeps, in the order given; what is not there locks nothing.
// Parameters: $rows [key]
// Index: sweep_key
UNWIND $rows AS key
MATCH (n:Sweep {key: key})
SET n._lock = 0;

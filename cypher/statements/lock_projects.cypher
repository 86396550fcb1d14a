// Locks projects, in the order given; what is not there locks nothing.
// Parameters: $rows [key]
// Index: project_key
UNWIND $rows AS key
MATCH (n:Project {key: key})
SET n._lock = 0;

// Locks tombstones, in the order given; what is not there locks nothing.
// Parameters: $rows [object]
// Index: tombstone_object
UNWIND $rows AS object
MATCH (n:Tombstone {object: object})
SET n._lock = 0;

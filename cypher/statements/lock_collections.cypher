// Locks collections, in the order given; what is not there locks nothing.
// Parameters: $rows [key]
// Index: collection_key
UNWIND $rows AS key
MATCH (n:Collection {key: key})
SET n._lock = 0;

// Locks uploads, in the order given; what is not there locks nothing.
// Parameters: $rows [object]
// Index: upload_object
UNWIND $rows AS object
MATCH (n:Upload {object: object})
SET n._lock = 0;

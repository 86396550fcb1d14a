// Locks blobs, in the order given; what is not there locks nothing.
// Parameters: $rows [digest]
// Index: blob_digest
UNWIND $rows AS digest
MATCH (n:Blob {digest: digest})
SET n._lock = 0;

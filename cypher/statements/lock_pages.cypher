// Locks pages, in the order given; what is not there locks nothing.
// Parameters: $rows [digest]
// Index: page_digest
UNWIND $rows AS digest
MATCH (n:Page {digest: digest})
SET n._lock = 0;

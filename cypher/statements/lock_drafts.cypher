// Locks drafts, in the order given; what is not there locks nothing.
// Parameters: $rows [id]
// Index: draft_id
UNWIND $rows AS id
MATCH (n:Draft {id: id})
SET n._lock = 0;

// Replaces what may change of drafts.
// Parameters: $rows [{id, expires_at, segment, version, created}]; one that is null is removed
// Index: draft_id
UNWIND $rows AS row
MATCH (d:Draft {id: row.id})
SET d += row
RETURN count(*) AS n;

// Notes that deletions are finished, where it is not noted yet.
// Parameters: $rows [{id, finished_at}]
// Index: receipt_id
UNWIND $rows AS row
MATCH (r:Receipt {id: row.id})
SET r.finished_at = coalesce(r.finished_at, row.finished_at)
REMOVE r:Running
RETURN count(*) AS n;

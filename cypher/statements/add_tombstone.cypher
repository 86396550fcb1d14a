// Adds tombstones. One whose object is not recorded as deleted is also `Pending`.
// Parameters: $rows [{object, size_bytes, until, deleted_at}]
UNWIND $rows AS row
CREATE (t:Tombstone)
SET t = row
FOREACH (_ IN CASE WHEN row.deleted_at IS NULL THEN [1] ELSE [] END | SET t:Pending)
RETURN count(*) AS n;

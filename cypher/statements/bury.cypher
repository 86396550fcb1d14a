// Records that the objects of tombstones have been deleted.
// Parameters: $rows [{object, at}]
// Index: tombstone_object
UNWIND $rows AS row
MATCH (t:Tombstone {object: row.object})
SET t.deleted_at = row.at
REMOVE t:Pending;

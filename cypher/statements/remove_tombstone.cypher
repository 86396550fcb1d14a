// Removes tombstones.
// Parameters: $rows [object]
// Index: tombstone_object
UNWIND $rows AS object
MATCH (t:Tombstone {object: object})
DELETE t;

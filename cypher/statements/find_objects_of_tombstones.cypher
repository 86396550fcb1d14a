// Which objects are a tombstone's.
// Parameters: $objects
// Columns: object
// Order: object
// Index: tombstone_object
UNWIND $objects AS object
MATCH (t:Tombstone {object: object})
RETURN t.object AS object
ORDER BY object;

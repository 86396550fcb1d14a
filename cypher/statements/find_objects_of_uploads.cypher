// Which objects are an upload's.
// Parameters: $objects
// Columns: object
// Order: object
// Index: upload_object
UNWIND $objects AS object
MATCH (u:Upload {object: object})
RETURN u.object AS object
ORDER BY object;

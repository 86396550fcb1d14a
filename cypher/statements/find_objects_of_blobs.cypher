// Which objects are a blob's.
// Parameters: $objects
// Columns: object
// Order: object
// Index: blob_object
UNWIND $objects AS object
MATCH (b:Blob {object: object})
RETURN b.object AS object
ORDER BY object;

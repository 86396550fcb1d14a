// Removes uploads.
// Parameters: $rows [object]
// Index: upload_object
UNWIND $rows AS object
MATCH (u:Upload {object: object})
DELETE u;

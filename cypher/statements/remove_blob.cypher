// Removes blobs, without DETACH: the database itself refuses one that is contained or held.
// Parameters: $rows [digest]
// Index: blob_digest
UNWIND $rows AS digest
MATCH (b:Blob {digest: digest})
DELETE b;

// The pages that contain a blob.
// Parameters: $digest
// Columns: digest
// Order: digest
// Index: blob_digest
MATCH (:Blob {digest: $digest})<-[:CONTAINS]-(p:Page)
RETURN DISTINCT p.digest AS digest
ORDER BY digest;

// The pages that list a file of several parts.
// Parameters: $digest of the whole
// Columns: digest
// Order: digest
// Index: file_digest
MATCH (:File {digest: $digest})<-[:LISTS]-(p:Page)
RETURN DISTINCT p.digest AS digest
ORDER BY digest;

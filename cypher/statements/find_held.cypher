// The blobs that a draft holds.
// Parameters: $id
// Columns: digest
// Order: digest
// Index: draft_id
MATCH (:Draft {id: $id})-[:HOLDS]->(b:Blob)
RETURN b.digest AS digest
ORDER BY digest;

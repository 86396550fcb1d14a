// The blobs that pages contain, each once.
// Parameters: $digests of the pages
// Columns: digest
// Order: digest
// Index: page_digest
UNWIND $digests AS digest
MATCH (:Page {digest: digest})-[:CONTAINS]->(b:Blob)
RETURN DISTINCT b.digest AS digest
ORDER BY digest;

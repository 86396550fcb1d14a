// The bytes of those blobs that several versions contain.
// Parameters: $digests
// Columns: bytes
// Order: one row
// Index: blob_digest
UNWIND $digests AS digest
MATCH (b:Blob {digest: digest})
CALL (b) {
  MATCH (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(v:Artifact)
  WITH DISTINCT v
  LIMIT 2
  RETURN count(v) AS n_versions
}
WITH b, n_versions
WHERE n_versions > 1
RETURN sum(b.size_bytes) AS size_bytes;

// Pages with all that is recorded of them.
// Parameters: $digests
// Columns: digest, n_entries, size_bytes, is_closed, first_path, last_path, body, what they contain
//   as [digest, size_bytes], digests of the files of several parts
// Order: digest
// Index: page_digest
UNWIND $digests AS digest
MATCH (p:Page {digest: digest})
RETURN p.digest AS digest, p.n_entries AS n_entries, p.size_bytes AS size_bytes,
  p.is_closed AS is_closed, coalesce(p.first_path, '') AS first_path,
  coalesce(p.last_path, '') AS last_path, coalesce(p.body, '') AS body,
  [(p)-[:CONTAINS]->(b:Blob) | [b.digest, b.size_bytes]] AS blobs,
  [(p)-[:LISTS]->(f:File) | f.digest] AS files
ORDER BY digest;

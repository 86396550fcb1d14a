// What is known of pages, without their bodies.
// Parameters: $digests
// Columns: digest, n_entries, size_bytes, is_closed, first_path, last_path
// Order: digest
// Index: page_digest
UNWIND $digests AS digest
MATCH (p:Page {digest: digest})
RETURN p.digest AS digest, p.n_entries AS n_entries, p.size_bytes AS size_bytes,
  p.is_closed AS is_closed, p.first_path AS first_path, p.last_path AS last_path
ORDER BY digest;

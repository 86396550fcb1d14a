// The bodies of pages.
// Parameters: $digests
// Columns: digest, body
// Order: digest
// Index: page_digest
UNWIND $digests AS digest
MATCH (p:Page {digest: digest})
RETURN p.digest AS digest, p.body AS body
ORDER BY digest;

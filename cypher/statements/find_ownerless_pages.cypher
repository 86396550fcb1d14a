// Which pages no version and no draft owns.
// Parameters: $digests
// Columns: digest
// Order: digest
// Index: page_digest
UNWIND $digests AS digest
MATCH (p:Page {digest: digest})
WHERE NOT EXISTS { (p)<-[:HAS_PAGE]-() }
RETURN p.digest AS digest
ORDER BY digest;

// Which blobs no page contains and no draft holds.
// Parameters: $digests
// Columns: digest, size_bytes, object, until, whether it is lost
// Order: digest
// Index: blob_digest
UNWIND $digests AS digest
MATCH (b:Blob {digest: digest})
WHERE NOT EXISTS { (b)<-[:CONTAINS|HOLDS]-() }
RETURN b.digest AS digest, b.size_bytes AS size_bytes, b.object AS object, b.until AS until,
  b:Lost AS is_lost
ORDER BY digest;

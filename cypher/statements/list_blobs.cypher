// All blobs, in pages.
// Parameters: $after the digest to start after, $limit
// Columns: digest, size_bytes, object, until, whether it is lost
// Order: digest
// Index: blob_digest
MATCH (b:Blob)
WHERE b.digest > $after
RETURN b.digest AS digest, b.size_bytes AS size_bytes, b.object AS object, b.until AS until,
  b:Lost AS is_lost
ORDER BY digest
LIMIT $limit;

// Replaces all but the digest of blobs. One that is lost is also `Lost`.
// Parameters: $rows [{digest, size_bytes, object, until, is_lost}]
// Index: blob_digest
UNWIND $rows AS row
MATCH (b:Blob {digest: row.digest})
SET b.size_bytes = row.size_bytes, b.object = row.object, b.until = row.until
REMOVE b:Lost
FOREACH (_ IN CASE WHEN row.is_lost THEN [1] ELSE [] END | SET b:Lost)
RETURN count(*) AS n;

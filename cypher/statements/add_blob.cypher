// Adds blobs.
// Parameters: $rows [{digest, size_bytes, object, until}]
UNWIND $rows AS row
CREATE (b:Blob)
SET b = row
RETURN count(*) AS n;

// Makes drafts hold blobs.
// Parameters: $rows [{draft, blob}]
// Index: draft_id, blob_digest
UNWIND $rows AS row
MATCH (d:Draft {id: row.draft})
MATCH (b:Blob {digest: row.blob})
MERGE (d)-[:HOLDS]->(b)
RETURN count(*) AS n;

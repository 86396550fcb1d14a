// Ends holds of drafts on blobs.
// Parameters: $rows [{draft, blob}]
// Index: draft_id, blob_digest
UNWIND $rows AS row
MATCH (:Draft {id: row.draft})-[h:HOLDS]->(:Blob {digest: row.blob})
DELETE h;

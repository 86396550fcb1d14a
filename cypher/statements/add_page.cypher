// Adds pages where they are new, with what they contain; refused where a blob is missing.
// Parameters: $rows [{properties, blobs: [digest], files: [digest of a file of several parts]}]
// Index: page_digest, blob_digest
UNWIND $rows AS row
MERGE (p:Page {digest: row.properties.digest})
ON CREATE SET p = row.properties, p._new = true
WITH row, p, p._new IS NOT NULL AS is_new
REMOVE p._new
WITH row, p, is_new
CALL (row, p, is_new) {
  WITH row, p, is_new
  WHERE is_new
  UNWIND row.blobs AS digest
  MATCH (b:Blob {digest: digest})
  CREATE (p)-[:CONTAINS]->(b)
  RETURN count(*) AS n_blobs
}
CALL (row, p, is_new) {
  WITH row, p, is_new
  WHERE is_new
  UNWIND row.files AS digest
  CREATE (p)-[:LISTS]->(:File {digest: digest})
}
WITH count(CASE WHEN NOT is_new OR n_blobs = size(row.blobs) THEN 1 END) AS n
RETURN n;

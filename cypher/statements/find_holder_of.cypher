// Who keeps each of these blobs if versions go: a live version outside the set, the first by key,
// else a draft, else a version whose deletion is not finished (they sort as 0, 1 and 2).
// Parameters: $digests of the blobs, $keys of the versions
// Columns: digest, rank and name of the holder
// Order: digest
// Index: blob_digest
UNWIND $digests AS digest
MATCH (b:Blob {digest: digest})
OPTIONAL MATCH (b)<-[:CONTAINS]-(q:Page)
WITH q, collect(b) AS blobs
CALL (q) {
  MATCH (q)<-[:HAS_PAGE]-(o)
  WHERE o:Draft OR NOT o.key IN $keys
  RETURN min(CASE
    WHEN o:Draft THEN '1draft:' + o.id
    WHEN o.state = 'committed' THEN '0' + o.key
    ELSE '2' + o.key
  END) AS owner
}
UNWIND blobs AS b
WITH b, min(owner) AS owner
CALL (b) {
  MATCH (b)<-[:HOLDS]-(d:Draft)
  RETURN min('1draft:' + d.id) AS draft
}
WITH b, CASE WHEN owner IS NULL OR draft < owner THEN draft ELSE owner END AS holder
WHERE holder IS NOT NULL
RETURN b.digest AS digest, holder
ORDER BY digest;

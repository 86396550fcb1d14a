// What becomes of the blobs of versions if these versions go. A page goes if nobody else owns it, and
// a blob if no other page contains it and no draft holds it.
// Parameters: $keys of the versions
// Columns: digests of the blobs that go, a list; their bytes; number and bytes of all
// Order: one row; the list by digest
// Index: node_key
UNWIND $keys AS key
MATCH (:Node:Artifact {key: key})-[:HAS_PAGE]->(p:Page)
WITH p, count(*) AS n_inside
WITH p, n_inside = COUNT { (p)<-[:HAS_PAGE]-() } AS is_dying
MATCH (p)-[:CONTAINS]->(b:Blob)
WITH b, count(CASE WHEN is_dying THEN 1 END) AS n_dying
WITH b.digest AS digest, b.size_bytes AS size_bytes,
  n_dying = COUNT { (b)<-[:CONTAINS]-() } AND NOT EXISTS { (b)<-[:HOLDS]-() } AS is_dying
ORDER BY digest
RETURN collect(CASE WHEN is_dying THEN digest END) AS digests,
  sum(CASE WHEN is_dying THEN size_bytes ELSE 0 END) AS dying_bytes,
  count(*) AS n_all,
  sum(size_bytes) AS all_bytes;

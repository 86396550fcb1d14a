// As find_fate, without the list.
// Parameters: $keys of the versions
// Columns: bytes of the blobs that go; number and bytes of all
// Order: one row
// Index: node_key
UNWIND $keys AS key
MATCH (:Node:Artifact {key: key})-[:HAS_PAGE]->(p:Page)
WITH p, count(*) AS n_inside
WITH p, n_inside = COUNT { (p)<-[:HAS_PAGE]-() } AS is_dying
MATCH (p)-[:CONTAINS]->(b:Blob)
WITH b, count(CASE WHEN is_dying THEN 1 END) AS n_dying
WITH b.size_bytes AS size_bytes,
  n_dying = COUNT { (b)<-[:CONTAINS]-() } AND NOT EXISTS { (b)<-[:HOLDS]-() } AS is_dying
RETURN sum(CASE WHEN is_dying THEN size_bytes ELSE 0 END) AS dying_bytes,
  count(*) AS n_all,
  sum(size_bytes) AS all_bytes;

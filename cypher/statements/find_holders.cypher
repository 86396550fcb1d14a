// Who keeps blobs of versions if these versions go, each blob under its first holder: a live version
// outside the set by key, else a draft, else a version whose deletion is not finished (they sort as
// 0, 1 and 2). A page that nobody owns keeps its blobs too, and is no holder.
// Parameters: $keys of the versions
// Columns: rank and name of the holder, number of blobs, their bytes
// Order: rank and name
// Index: node_key
UNWIND $keys AS key
MATCH (:Node:Artifact {key: key})-[:HAS_PAGE]->(p:Page)
WITH p, count(*) AS n_inside
WITH p, n_inside = COUNT { (p)<-[:HAS_PAGE]-() } AS is_dying
MATCH (p)-[:CONTAINS]->(b:Blob)
WITH b, count(CASE WHEN is_dying THEN 1 END) AS n_dying
WHERE n_dying <> COUNT { (b)<-[:CONTAINS]-() } OR EXISTS { (b)<-[:HOLDS]-() }
MATCH (b)<-[:CONTAINS]-(q:Page)
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
RETURN holder, count(*) AS n_blobs, sum(b.size_bytes) AS size_bytes
ORDER BY holder;

// Shared files: which versions contain bytes of this one too
// Between the quotes: the key of a version, such as artifact:acme/vision/digits:v3. Left empty: the
// newest that shares a file. Small dots are pages of manifests and blobs, which hold the bytes.
WITH '' AS wanted
CALL (wanted) {
  MATCH (n:Node:Artifact {key: wanted})
  RETURN n
  UNION ALL
  WITH wanted
  WHERE wanted = ''
  MATCH (n:Artifact)
  WHERE n.state = 'committed'
  WITH n
  ORDER BY n.created_at DESC, n.key
  LIMIT 200
  MATCH (n)-[:HAS_PAGE]->(:Page)-[:CONTAINS]->(b:Blob)
  WHERE COUNT { (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(:Artifact) } > 1
  RETURN n
  ORDER BY n.created_at DESC, n.key
  LIMIT 1
}
MATCH (n)-[h:HAS_PAGE]->(p:Page)-[c:CONTAINS]->(b:Blob)
WHERE COUNT { (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(:Artifact) } > 1
// At most 25 shared blobs, the largest, and 25 other versions: raise both for more.
WITH n, h, p, c, b
ORDER BY b.size_bytes DESC, b.digest
LIMIT 25
CALL (n, b) {
  MATCH path = (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(other:Artifact)
  WHERE other <> n
  RETURN path
  ORDER BY other.created_at DESC, other.key
  LIMIT 25
}
RETURN n, h, p, c, b, path
LIMIT 250;

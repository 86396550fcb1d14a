// Purges segments and versions: every edge and property goes, and the key stays taken. Refused for
// one that still owns a page.
// Parameters: $rows [key]
// Index: node_key
UNWIND $rows AS key
MATCH (n:Node {key: key})
WHERE NOT EXISTS { (n)-[:HAS_PAGE]->() }
CALL (n) {
  OPTIONAL MATCH (n)<-[:POINTS_TO]-(a:Alias)
  DETACH DELETE a
}
CALL (n) {
  MATCH (n)-[r]-()
  DELETE r
}
SET n = {key: key}
SET n:Retired
REMOVE n:Run:Artifact:Deleted:Deleting:Drifted
RETURN count(*) AS n;

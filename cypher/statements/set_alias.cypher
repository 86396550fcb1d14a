// Points aliases at versions, each away from any other.
// Parameters: $rows [{key, name, version}]
// Index: alias_key, node_key
UNWIND $rows AS row
MATCH (v:Node:Artifact {key: row.version})
MERGE (a:Alias {key: row.key})
SET a.name = row.name
WITH a, v
CALL (a) {
  MATCH (a)-[r:POINTS_TO]->()
  DELETE r
}
CREATE (a)-[:POINTS_TO]->(v)
RETURN count(*) AS n;

// Impact: what deleting a version would free, and who is downstream
// Between the quotes: the key of a live version, such as artifact:acme/vision/digits:v3. Left empty:
// the one that most runs used. This only looks: a deletion is planned and done with `lineage`.
WITH '' AS wanted
CALL (wanted) {
  MATCH (n:Node:Artifact {key: wanted})
  WHERE n.state = 'committed'
  RETURN n
  UNION ALL
  WITH wanted
  WHERE wanted = ''
  MATCH (n:Artifact)
  WHERE n.state = 'committed'
  RETURN n
  ORDER BY COUNT { (n)-[:FEEDS]->() } DESC, n.created_at DESC, n.key
  LIMIT 1
}
// A page goes if nobody else owns it, a blob if no other page contains it and no draft holds it.
CALL (n) {
  MATCH (n)-[:HAS_PAGE]->(p:Page)
  WITH p, count(*) AS n_inside
  WITH p, n_inside = COUNT { (p)<-[:HAS_PAGE]-() } AS is_dying
  MATCH (p)-[:CONTAINS]->(b:Blob)
  WITH b, count(CASE WHEN is_dying THEN 1 END) AS n_dying
  WITH b.size_bytes AS size_bytes,
    n_dying = COUNT { (b)<-[:CONTAINS]-() } AND NOT EXISTS { (b)<-[:HOLDS]-() } AS is_dying
  RETURN sum(CASE WHEN is_dying THEN size_bytes ELSE 0 END) AS freed_bytes,
    sum(CASE WHEN is_dying THEN 0 ELSE size_bytes END) AS shared_bytes
}
// At most 50 hops: take the 50 away to count to the end.
CALL (n) {
  MATCH p = (n)-[:FEEDS|LOGGED|CONTINUES*1..50]->(m)
  WITH m, min(length(p)) AS hop
  RETURN count(CASE WHEN m.segment = 1 THEN 1 END) AS runs_downstream,
    count(CASE WHEN m:Artifact THEN 1 END) AS versions_downstream,
    count(CASE WHEN m:Artifact AND m.state = 'committed' THEN 1 END) AS of_these_live
}
RETURN n.collection + ':v' + n.index AS version,
  freed_bytes,
  shared_bytes,
  COLLECT { MATCH (n)<-[:POINTS_TO]-(alias:Alias) RETURN alias.name ORDER BY alias.name } AS aliases,
  COUNT { (n)-[:FEEDS]->() } AS used_by,
  runs_downstream,
  versions_downstream,
  of_these_live;

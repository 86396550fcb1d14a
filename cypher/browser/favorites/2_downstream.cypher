// Downstream: what was made from a version
// Between the quotes: the key of a version or run, as `key` of a node shows it, such as
// artifact:acme/vision/digits:v3. Left empty: the version that most runs used.
WITH '' AS wanted
CALL (wanted) {
  MATCH (n:Node {key: wanted})
  RETURN n
  UNION ALL
  WITH wanted
  WHERE wanted = ''
  MATCH (n:Artifact)
  RETURN n
  ORDER BY COUNT { (n)-[:FEEDS]->() } DESC, n.created_at DESC, n.key
  LIMIT 1
}
// At most 50 hops: take the 50 away for all. At most 150 nodes, the nearest: raise LIMIT for more.
OPTIONAL MATCH p = (n)-[:FEEDS|LOGGED|CONTINUES*1..50]->(m)
WITH n, m, min(length(p)) AS hop
ORDER BY hop, m.key
LIMIT 150
WITH n, collect(m) AS others
WITH [n] + others AS nodes
UNWIND nodes AS a
OPTIONAL MATCH (a)-[edge:FEEDS|LOGGED|CONTINUES|USED]->(b)
WHERE b IN nodes
RETURN nodes, collect(edge) AS edges;

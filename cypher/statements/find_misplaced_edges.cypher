// Edges that do not join what their kind joins, FEEDS and USED without each other, and all LOGGED of
// a version that has several.
// Parameters: none
// Columns: src key, kind, dst key; empty for what has none
// Order: src key, kind, dst key
// Index: none: it reads every edge
CALL () {
  MATCH (s)-[:FEEDS]->(d)
  WHERE NOT (s:Artifact AND d:Run) OR NOT EXISTS { (d)-[:USED]->(s) }
  RETURN s, 'feeds' AS kind, d
  UNION ALL
  MATCH (s)-[:USED]->(d)
  WHERE NOT (s:Run AND d:Artifact) OR NOT EXISTS { (d)-[:FEEDS]->(s) }
  RETURN s, 'used' AS kind, d
  UNION ALL
  MATCH (s)-[:LOGGED]->(d)
  WHERE NOT (s:Run AND d:Artifact) OR COUNT { (d)<-[:LOGGED]-() } > 1
  RETURN s, 'logged' AS kind, d
  UNION ALL
  MATCH (s)-[:CONTINUES]->(d)
  WHERE NOT (s:Run AND d:Run AND s.project = d.project AND s.run = d.run
    AND d.segment = s.segment + 1)
  RETURN s, 'continues' AS kind, d
  UNION ALL
  MATCH (s)-[:REPRODUCED]->(d)
  WHERE NOT (s:Run AND d:Artifact)
  RETURN s, 'reproduced' AS kind, d
}
RETURN coalesce(s.key, '') AS src, kind, coalesce(d.key, '') AS dst
ORDER BY src, kind, dst;

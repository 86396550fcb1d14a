// Drafts that hold what is no blob, own what is no page, or are committed and still own a page.
// Parameters: none
// Columns: id, what cannot be
// Order: id, what cannot be
// Index: none: it reads every hold and page of every draft
MATCH (d:Draft)
CALL (d) {
  MATCH (d)-[:HOLDS]->(b)
  WHERE NOT b:Blob
  RETURN 'hold' AS what
  UNION
  MATCH (d)-[:HAS_PAGE]->(p)
  WHERE NOT p:Page
  RETURN 'page' AS what
  UNION
  MATCH (d)-[:HAS_PAGE]->(:Page)
  WHERE d.version IS NOT NULL
  RETURN 'committed' AS what
}
RETURN d.id AS id, what
ORDER BY id, what;

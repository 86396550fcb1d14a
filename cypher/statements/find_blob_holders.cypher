// The live versions and the drafts with a page that contains a blob, and the drafts that hold it.
// Parameters: $digest, $after the name to start after, $limit
// Columns: version key, or `draft:` and the draft's id
// Order: by that
// Index: blob_digest
MATCH (b:Blob {digest: $digest})
CALL (b) {
  MATCH (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(o)
  WHERE o:Draft OR o.state = 'committed'
  RETURN o
  UNION
  MATCH (b)<-[:HOLDS]-(o:Draft)
  RETURN o
}
WITH DISTINCT CASE WHEN o:Draft THEN 'draft:' + o.id ELSE o.key END AS name
WHERE name > $after
RETURN name
ORDER BY name
LIMIT $limit;

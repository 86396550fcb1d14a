// The live versions and the drafts that own a page.
// Parameters: $digest, $after the name to start after, $limit
// Columns: version key, or `draft:` and the draft's id
// Order: by that
// Index: page_digest
MATCH (:Page {digest: $digest})<-[:HAS_PAGE]-(o)
WHERE o:Draft OR o.state = 'committed'
WITH DISTINCT CASE WHEN o:Draft THEN 'draft:' + o.id ELSE o.key END AS name
WHERE name > $after
RETURN name
ORDER BY name
LIMIT $limit;

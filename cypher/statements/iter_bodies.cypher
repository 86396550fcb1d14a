// The pages of a version.
// Parameters: $version key
// Columns: body
// Order: position
// Index: node_key
MATCH (:Node:Artifact {key: $version})-[h:HAS_PAGE]->(p:Page)
WITH h.position AS position, p
ORDER BY position
RETURN p.body AS body;

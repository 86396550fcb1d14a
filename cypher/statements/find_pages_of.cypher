// Which pages a version owns.
// Parameters: $version key, $limit
// Columns: digest
// Order: position
// Index: node_key
MATCH (:Node:Artifact {key: $version})-[h:HAS_PAGE]->(p:Page)
WITH h.position AS position, p
ORDER BY position
LIMIT $limit
RETURN p.digest AS digest;

// The page of a version whose paths span this one.
// Parameters: $version key, $path as columns.to_in_order has it
// Columns: body
// Order: at most one row
// Index: node_key
MATCH (:Node:Artifact {key: $version})-[h:HAS_PAGE]->(p:Page)
WHERE p.first_path <= $path AND p.last_path >= $path
WITH h.position AS position, p
ORDER BY position
LIMIT 1
RETURN p.body AS body;

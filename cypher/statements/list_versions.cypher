// All versions, also deleted ones.
// Parameters: $after the key to start after, $end where other keys begin, $limit
// Columns: key
// Order: key
// Index: node_key
MATCH (v:Node)
WHERE v.key > $after AND v.key < $end AND v:Artifact
RETURN v.key AS key
ORDER BY key
LIMIT $limit;

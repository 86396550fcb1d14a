// Which segments created versions; the first by key, if there were several.
// Parameters: $keys of the versions
// Columns: version key, segment key
// Order: version key
// Index: node_key
UNWIND $keys AS key
MATCH (s:Run)-[:LOGGED]->(v:Node:Artifact {key: key})
RETURN v.key AS version, min(s.key) AS segment
ORDER BY version;

// What a picture says about versions.
// Parameters: $keys
// Columns: key, state, type, created_at, is_drifted
// Order: key
// Index: node_key
UNWIND $keys AS key
MATCH (v:Node:Artifact {key: key})
RETURN v.key AS key, v.state AS state, v.type AS type, v.created_at AS created_at,
  v:Drifted AS is_drifted
ORDER BY key;

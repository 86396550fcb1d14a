// Versions.
// Parameters: $keys
// Columns: key, type, state, manifest digest, size_bytes, n_files, created_at, created_by,
//   deleted_at, deleted_by, revision, tags, aliases, description, metadata
// Order: key
// Index: node_key
UNWIND $keys AS key
MATCH (v:Node:Artifact {key: key})
RETURN v.key AS key, v.type AS type, v.state AS state, v.digest AS manifest,
  v.size_bytes AS size_bytes, v.n_files AS n_files, v.created_at AS created_at,
  v.created_by AS created_by, v.deleted_at AS deleted_at, v.deleted_by AS deleted_by,
  v.revision AS revision, v.tags AS tags,
  COLLECT { MATCH (v)<-[:POINTS_TO]-(a:Alias) RETURN a.name ORDER BY a.name } AS aliases,
  v.description AS description, v.metadata AS metadata
ORDER BY key;

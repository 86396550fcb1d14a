// Versions.
// Parameters: $keys
// Columns: key, type, state, manifest digest, size_bytes, n_files, created_at, created_by,
//   deleted_at, deleted_by, revision, tags, aliases, description, metadata, checked_at, checked_by,
//   n_ok, n_changed, n_missing, n_unversioned
// Order: key
// Index: node_key
UNWIND $keys AS key
MATCH (v:Node:Artifact {key: key})
RETURN v.key AS key, v.type AS type, v.state AS state, v.digest AS manifest,
  v.size_bytes AS size_bytes, v.n_files AS n_files, v.created_at AS created_at,
  v.created_by AS created_by, v.deleted_at AS deleted_at, v.deleted_by AS deleted_by,
  v.revision AS revision, v.tags AS tags,
  COLLECT { MATCH (v)<-[:POINTS_TO]-(a:Alias) RETURN a.name ORDER BY a.name } AS aliases,
  v.description AS description, v.metadata AS metadata,
  v.references_checked_at AS checked_at, v.references_checked_by AS checked_by,
  v.references_ok AS n_ok, v.references_changed AS n_changed, v.references_missing AS n_missing,
  v.references_unversioned AS n_unversioned
ORDER BY key;

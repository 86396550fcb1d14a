// One project.
// Parameters: $key
// Columns: key, access, created_at, protected_aliases, guards_downstream
// Order: at most one row
// Index: project_key
MATCH (p:Project {key: $key})
RETURN p.key AS key, p.access AS access, p.created_at AS created_at,
  coalesce(p.protected_aliases, []) AS protected_aliases,
  coalesce(p.guards_downstream, false) AS guards_downstream;

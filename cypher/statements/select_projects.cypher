// Readable projects, of one entity or of all, after a key.
// Parameters: $sees_all whether the scope sees everything, $entities it sees, $entity or null,
//   $after the key to start after, $limit
// Columns: key, access, created_at, protected_aliases, guards_downstream
// Order: key
// Index: project_key
MATCH (p:Project)
WHERE p.key > $after
  AND ($entity IS NULL OR p.entity = $entity)
  AND ($sees_all OR p.access <> 'private' OR p.entity IN $entities)
RETURN p.key AS key, p.access AS access, p.created_at AS created_at,
  coalesce(p.protected_aliases, []) AS protected_aliases,
  coalesce(p.guards_downstream, false) AS guards_downstream
ORDER BY key
LIMIT $limit;

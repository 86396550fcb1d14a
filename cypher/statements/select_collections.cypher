// Collections of a project, of one type or of all, after a key.
// Parameters: $prefix the project's key and a slash, $type or null, $after the key to start after,
//   $limit
// Columns: key, type, created_at, next_index, description
// Order: key
// Index: collection_key
MATCH (c:Collection)
WHERE c.key > CASE WHEN $after > $prefix THEN $after ELSE $prefix END
  AND c.key < $prefix + '~' AND ($type IS NULL OR c.type = $type)
RETURN c.key AS key, c.type AS type, c.created_at AS created_at, c.next_index AS next_index,
  c.description AS description
ORDER BY key
LIMIT $limit;

// Collections.
// Parameters: $keys
// Columns: key, type, created_at, next_index, description
// Order: key
// Index: collection_key
UNWIND $keys AS key
MATCH (c:Collection {key: key})
RETURN c.key AS key, c.type AS type, c.created_at AS created_at, c.next_index AS next_index,
  c.description AS description
ORDER BY key;

// The pages of versions, in order, and what they add up to.
// Parameters: $keys
// Columns: key, page digests, size_bytes, n_entries
// Order: key
// Index: node_key
UNWIND $keys AS key
MATCH (v:Node:Artifact {key: key})
CALL (v) {
  MATCH (v)-[h:HAS_PAGE]->(p:Page)
  WITH h.position AS position, p
  ORDER BY position
  RETURN collect(p.digest) AS pages, sum(p.size_bytes) AS size_bytes, sum(p.n_entries) AS n_entries
}
RETURN v.key AS key, pages, size_bytes, n_entries
ORDER BY key;

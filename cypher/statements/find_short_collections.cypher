// Collections that have not as many versions, purged ones included, as they have given indexes.
// Parameters: none
// Columns: key, number of versions that are missing
// Order: key
// Index: node_key
MATCH (c:Collection)
CALL (c) {
  MATCH (n:Node)
  WHERE n.key STARTS WITH 'artifact:' + c.key + ':v'
  RETURN count(n) AS n_found
}
WITH c.key AS key, c.next_index - n_found AS n_missing
WHERE n_missing > 0
RETURN key, n_missing
ORDER BY key;

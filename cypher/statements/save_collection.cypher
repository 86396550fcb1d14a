// Replaces what may change of collections.
// Parameters: $rows [{key, next_index, description}]
// Index: collection_key
UNWIND $rows AS row
MATCH (c:Collection {key: row.key})
SET c.next_index = row.next_index, c.description = row.description
RETURN count(*) AS n;

// The pages with an entry of this path.
// Parameters: $path as columns.to_in_order has it, $spelled how a line of the body
// spells it, with its quotes
// Columns: digest, body
// Order: digest
// Index: page_first_path
MATCH (p:Page)
WHERE p.first_path <= $path AND p.last_path >= $path AND p.body CONTAINS $spelled
RETURN p.digest AS digest, p.body AS body
ORDER BY digest;

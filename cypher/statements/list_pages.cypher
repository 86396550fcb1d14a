// All pages.
// Parameters: $after the digest to start after, $limit
// Columns: digest
// Order: digest
// Index: page_digest
MATCH (p:Page)
WHERE p.digest > $after
RETURN p.digest AS digest
ORDER BY digest
LIMIT $limit;

// The pages that a draft owns.
// Parameters: $id
// Columns: digest
// Order: digest
// Index: draft_id
MATCH (:Draft {id: $id})-[:HAS_PAGE]->(p:Page)
RETURN p.digest AS digest
ORDER BY digest;

// How many pages go if versions go: those that nobody else owns.
// Parameters: $keys of the versions
// Columns: count
// Order: one row
// Index: node_key
UNWIND $keys AS key
MATCH (:Node:Artifact {key: key})-[:HAS_PAGE]->(p:Page)
WITH p, count(*) AS n_inside
WHERE n_inside = COUNT { (p)<-[:HAS_PAGE]-() }
RETURN count(*) AS n;

// Records the newest schema file, and gives a new graph its identity.
// Parameters: $number, $id for a new graph
// Columns: identity
// Order: one row
// Index: graph_name
MERGE (g:Graph {name: 'lineage'})
ON CREATE SET g.id = $id
SET g.schema = $number
RETURN g.id AS id;

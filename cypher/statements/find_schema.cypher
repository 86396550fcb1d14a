// Which schema files the database has seen, whose graph it is, and whether anything lies in it.
// Parameters: none
// Columns: number or null, identity or null, whether there is any node
// Order: one row
// Index: graph_name
OPTIONAL MATCH (g:Graph {name: 'lineage'})
RETURN g.schema AS schema, g.id AS id, EXISTS { MATCH () } AS has_nodes;

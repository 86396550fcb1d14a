// One project.
// Parameters: $key
// Columns: access, created_at
// Order: at most one row
// Index: project_key
MATCH (p:Project {key: $key})
RETURN p.access AS access, p.created_at AS created_at;

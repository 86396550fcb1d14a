// Changes what projects guard against.
// Parameters: $rows [{key, protected_aliases, guards_downstream}]
// Index: project_key
UNWIND $rows AS row
MATCH (p:Project {key: row.key})
SET p.protected_aliases = row.protected_aliases, p.guards_downstream = row.guards_downstream
RETURN count(*) AS n;

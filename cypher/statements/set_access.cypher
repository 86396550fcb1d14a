// Changes who may read and write projects.
// Parameters: $rows [{key, access}]
// Index: project_key
UNWIND $rows AS row
MATCH (p:Project {key: row.key})
SET p.access = row.access
RETURN count(*) AS n;

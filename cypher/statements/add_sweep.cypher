// Adds sweeps.
// Parameters: $rows [{project, properties}]
// Index: project_key
UNWIND $rows AS row
MATCH (p:Project {key: row.project})
CREATE (s:Sweep)-[:IN]->(p)
SET s = row.properties
RETURN count(*) AS n;

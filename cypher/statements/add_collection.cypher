// Adds collections.
// Parameters: $rows [{project, properties}]
// Index: project_key
UNWIND $rows AS row
MATCH (p:Project {key: row.project})
CREATE (c:Collection)-[:IN]->(p)
SET c = row.properties
RETURN count(*) AS n;

// Adds runs, each with its first segment, which is the same node.
// Parameters: $rows [{project, properties}]
// Index: project_key
UNWIND $rows AS row
MATCH (p:Project {key: row.project})
CREATE (r:Node:Run)-[:IN]->(p)
SET r = row.properties
RETURN count(*) AS n;

// Adds projects, and their entities where they are new.
// Parameters: $rows [{key, entity, access, created_at}]
// Index: entity_name, project_key
UNWIND $rows AS row
MERGE (e:Entity {name: row.entity})
CREATE (p:Project)-[:OWNED_BY]->(e)
SET p = row
RETURN count(*) AS n;

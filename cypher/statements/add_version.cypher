// Adds versions.
// Parameters: $rows [{collection, properties}]
// Index: collection_key
UNWIND $rows AS row
MATCH (c:Collection {key: row.collection})
CREATE (v:Node:Artifact)-[:VERSION_OF]->(c)
SET v = row.properties
RETURN count(*) AS n;

// Makes versions own pages.
// Parameters: $rows [{version, position, page}]
// Index: node_key, page_digest
UNWIND $rows AS row
MATCH (v:Node:Artifact {key: row.version})
MATCH (p:Page {digest: row.page})
CREATE (v)-[:HAS_PAGE {position: row.position}]->(p)
RETURN count(*) AS n;

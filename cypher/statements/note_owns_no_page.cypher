// Notes that deleted versions own no page any more, if so.
// Parameters: $rows [key]
// Index: node_key
UNWIND $rows AS key
MATCH (v:Node:Artifact {key: key})
WHERE NOT EXISTS { (v)-[:HAS_PAGE]->() }
REMOVE v:Deleting;

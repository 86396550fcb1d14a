// Removes pages with what they contain and list. The last DELETE has no DETACH: the database itself
// refuses one that is owned.
// Parameters: $rows [digest]
// Index: page_digest
UNWIND $rows AS digest
MATCH (p:Page {digest: digest})
CALL (p) {
  MATCH (p)-[:LISTS]->(f:File)
  DETACH DELETE f
}
CALL (p) {
  MATCH (p)-[c:CONTAINS]->()
  DELETE c
}
DELETE p;

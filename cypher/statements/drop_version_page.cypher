// Takes pages from versions.
// Parameters: $rows [{version, page}]
// Index: node_key, page_digest
UNWIND $rows AS row
MATCH (:Node:Artifact {key: row.version})-[h:HAS_PAGE]->(:Page {digest: row.page})
DELETE h;

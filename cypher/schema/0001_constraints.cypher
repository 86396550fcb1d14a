// What is unique, and what is looked up or sorted by. Community has no other constraints, so a
// statement that makes a node always sets its key. `Node` is the label of everything a trace goes
// through; a purged one keeps it, and its key, as `Retired`, so that no key is ever given again.
CREATE CONSTRAINT node_key IF NOT EXISTS FOR (n:Node) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT entity_name IF NOT EXISTS FOR (n:Entity) REQUIRE n.name IS UNIQUE;
CREATE CONSTRAINT project_key IF NOT EXISTS FOR (n:Project) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT sweep_key IF NOT EXISTS FOR (n:Sweep) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT collection_key IF NOT EXISTS FOR (n:Collection) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT alias_key IF NOT EXISTS FOR (n:Alias) REQUIRE n.key IS UNIQUE;
CREATE CONSTRAINT page_digest IF NOT EXISTS FOR (n:Page) REQUIRE n.digest IS UNIQUE;
CREATE CONSTRAINT blob_digest IF NOT EXISTS FOR (n:Blob) REQUIRE n.digest IS UNIQUE;
CREATE CONSTRAINT blob_object IF NOT EXISTS FOR (n:Blob) REQUIRE n.object IS UNIQUE;
CREATE CONSTRAINT draft_id IF NOT EXISTS FOR (n:Draft) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT upload_object IF NOT EXISTS FOR (n:Upload) REQUIRE n.object IS UNIQUE;
CREATE CONSTRAINT tombstone_object IF NOT EXISTS FOR (n:Tombstone) REQUIRE n.object IS UNIQUE;
CREATE CONSTRAINT event_id IF NOT EXISTS FOR (n:Event) REQUIRE n.id IS UNIQUE;
CREATE CONSTRAINT plan_digest IF NOT EXISTS FOR (n:Plan) REQUIRE n.digest IS UNIQUE;
CREATE CONSTRAINT graph_name IF NOT EXISTS FOR (n:Graph) REQUIRE n.name IS UNIQUE;

// The newest version of a collection, and the one with this content.
CREATE INDEX artifact_place IF NOT EXISTS FOR (n:Artifact) ON (n.project, n.collection, n.index);
CREATE INDEX artifact_digest IF NOT EXISTS FOR (n:Artifact) ON (n.digest);
// Files of several parts, by the digest of the whole.
CREATE INDEX file_digest IF NOT EXISTS FOR (n:File) ON (n.digest);
CREATE INDEX page_first_path IF NOT EXISTS FOR (n:Page) ON (n.first_path);
CREATE INDEX upload_draft IF NOT EXISTS FOR (n:Upload) ON (n.draft);
CREATE INDEX draft_expiry IF NOT EXISTS FOR (n:Draft) ON (n.expires_at);
CREATE INDEX tombstone_until IF NOT EXISTS FOR (n:Tombstone) ON (n.until);
CREATE INDEX plan_expiry IF NOT EXISTS FOR (n:Plan) ON (n.expires_at);
CREATE INDEX event_subject IF NOT EXISTS FOR (n:Event) ON (n.subject, n.id);

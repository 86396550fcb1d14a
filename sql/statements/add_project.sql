-- Adds a project; its entity exists.
-- Parameters: ?1 key, ?2 entity, ?3 access, ?4 created_at
-- Index: project (key)
INSERT INTO project (key, entity, access, created_at) VALUES (?1, ?2, ?3, ?4);

-- Adds a collection.
-- Parameters: ?1 key, ?2 project key, ?3 type, ?4 created_at, ?5 next_index, ?6 description
-- Index: project (key)
INSERT INTO collection (key, project_id, type, created_at, next_index, description)
VALUES (?1, (SELECT id FROM project WHERE key = ?2), ?3, ?4, ?5, ?6);

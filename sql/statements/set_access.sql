-- Changes who may read and write a project.
-- Parameters: ?1 key, ?2 access
-- Index: project (key)
UPDATE project SET access = ?2 WHERE key = ?1;

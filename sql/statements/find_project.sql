-- One project.
-- Parameters: ?1 key
-- Columns: key, access, created_at, protected_aliases, guards_downstream
-- Order: at most one row
-- Index: project (key)
SELECT key, access, created_at, protected_aliases, guards_downstream
FROM project
WHERE key = ?1;

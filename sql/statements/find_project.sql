-- One project.
-- Parameters: ?1 key
-- Columns: access, created_at
-- Order: at most one row
-- Index: project (key)
SELECT access, created_at FROM project WHERE key = ?1;

-- The id of a sweep.
-- Parameters: ?1 key
-- Columns: id
-- Order: at most one row
-- Index: sweep (key)
SELECT id FROM sweep WHERE key = ?1;

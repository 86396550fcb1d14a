-- One sweep.
-- Parameters: ?1 key
-- Columns: key, method, parameters, metric, goal, created_at, name, program, run_cap, next_point,
--   is_stopped
-- Order: at most one row
-- Index: sweep (key)
SELECT
    key, method, parameters, metric, goal, created_at, name, program, run_cap, next_point,
    is_stopped
FROM sweep
WHERE key = ?1;

-- Sweeps of a project, after a key.
-- Parameters: ?1 project key, ?2 key to start after, ?3 limit
-- Columns: as find_sweep
-- Order: key
-- Index: project (key), sweep_in_project (project_id, key)
SELECT
    key, method, parameters, metric, goal, created_at, name, program, run_cap, next_point,
    is_stopped
FROM sweep
WHERE project_id = (SELECT id FROM project WHERE key = ?1) AND key > ?2
ORDER BY key
LIMIT ?3;

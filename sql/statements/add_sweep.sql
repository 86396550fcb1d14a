-- Adds a sweep.
-- Parameters: ?1 key, ?2 project key, ?3 method, ?4 parameters, ?5 metric, ?6 goal, ?7 created_at,
--   ?8 name, ?9 program, ?10 run_cap, ?11 next_point, ?12 is_stopped
-- Index: project (key)
INSERT INTO sweep (
    key, project_id, method, parameters, metric, goal, created_at, name, program, run_cap,
    next_point, is_stopped
)
VALUES (
    ?1, (SELECT id FROM project WHERE key = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
);

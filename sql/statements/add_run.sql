-- Adds a run; its first segment's node exists.
-- Parameters: ?1 id, ?2 project key, ?3 sweep id or NULL, ?4 point, ?5 state, ?6 created_at,
--   ?7 heartbeat_at, ?8 finished_at, ?9 exit_code, ?10 revision, ?11 name, ?12 job_type,
--   ?13 group_name, ?14 tags, ?15 error, ?16 notes, ?17 config, ?18 summary, ?19 summary_min,
--   ?20 summary_max
-- Index: project (key)
INSERT INTO run (
    id, project_id, sweep_id, point, state, created_at, heartbeat_at, finished_at, exit_code,
    revision, name, job_type, group_name, tags, error, notes, config, summary, summary_min,
    summary_max
)
VALUES (
    ?1, (SELECT id FROM project WHERE key = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    ?14, ?15, ?16, ?17, ?18, ?19, ?20
);

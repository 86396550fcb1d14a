-- Replaces what may change of a run.
-- Parameters: ?1 id, ?2 state, ?3 heartbeat_at, ?4 finished_at, ?5 exit_code, ?6 revision,
--   ?7 name, ?8 job_type, ?9 group_name, ?10 tags, ?11 error, ?12 notes, ?13 config, ?14 summary,
--   ?15 summary_min, ?16 summary_max
-- Index: run (id)
UPDATE run
SET
    state = ?2, heartbeat_at = ?3, finished_at = ?4, exit_code = ?5, revision = ?6, name = ?7,
    job_type = ?8, group_name = ?9, tags = ?10, error = ?11, notes = ?12, config = ?13,
    summary = ?14, summary_min = ?15, summary_max = ?16
WHERE id = ?1;

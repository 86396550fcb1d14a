-- A page of runs. The parts between /* */ and the word after them are put in by compile_filter.
-- Parameters: :projects their ids (carray), :stale_before, :limit
-- Columns: as find_runs, with the computed state, then the value they are ordered by
-- Order: as asked, then key
-- Index: run_in_project (project_id, created_at), run_value (run_id, document, path)
SELECT
    n.key, s.key, r.point,
    CASE
        WHEN r.state = 'running' AND r.heartbeat_at < :stale_before THEN 'crashed' ELSE r.state
    END,
    r.created_at, r.heartbeat_at, r.finished_at, r.exit_code, r.revision, r.name, r.job_type,
    r.group_name, r.tags, r.error, r.notes, r.config, r.summary, r.summary_min, r.summary_max,
    /*value*/ NULL
FROM run AS r
    CROSS JOIN node AS n ON n.id = r.id
    CROSS JOIN project AS p ON p.id = r.project_id
    LEFT JOIN sweep AS s ON s.id = r.sweep_id
WHERE r.project_id IN (SELECT value FROM carray(:projects))
    AND /*where*/ TRUE
ORDER BY /*order*/ n.key
LIMIT :limit;

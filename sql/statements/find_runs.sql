-- Runs.
-- Parameters: ?1 keys (carray)
-- Columns: key, sweep key, point, state, created_at, heartbeat_at, finished_at, exit_code,
--   revision, name, job_type, group_name, tags, error, notes, config, summary, summary_min,
--   summary_max
-- Order: key
-- Index: node (key), run (id)
SELECT
    n.key, s.key, r.point, r.state, r.created_at, r.heartbeat_at, r.finished_at, r.exit_code,
    r.revision, r.name, r.job_type, r.group_name, r.tags, r.error, r.notes, r.config, r.summary,
    r.summary_min, r.summary_max
FROM carray(?1) AS k
    CROSS JOIN node AS n ON n.key = k.value
    CROSS JOIN run AS r ON r.id = n.id
    LEFT JOIN sweep AS s ON s.id = r.sweep_id
ORDER BY n.key;

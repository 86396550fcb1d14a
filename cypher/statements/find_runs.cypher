// Runs.
// Parameters: $keys
// Columns: key, sweep key, point, state, created_at, heartbeat_at, finished_at, exit_code, revision,
//   name, job_type, group, tags, error, notes, config, summary, summary_min, summary_max
// Order: key
// Index: node_key
UNWIND $keys AS key
MATCH (r:Node:Run {key: key})
RETURN r.key AS key, r.sweep AS sweep, r.point AS point, r.state AS state,
  r.created_at AS created_at, r.heartbeat_at AS heartbeat_at, r.finished_at AS finished_at,
  r.exit_code AS exit_code, r.revision AS revision, r.name AS name, r.job_type AS job_type,
  r.group AS group, r.tags AS tags, r.error AS error, r.notes AS notes, r.config AS config,
  r.summary AS summary, r.summary_min AS summary_min, r.summary_max AS summary_max
ORDER BY key;

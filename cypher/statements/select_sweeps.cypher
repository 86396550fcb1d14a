// Sweeps of a project, after a key.
// Parameters: $prefix of their keys, $after the key to start after, $limit
// Columns: key, method, parameters, metric, goal, created_at, name, program, run_cap, next_point,
//   is_stopped
// Order: key
// Index: sweep_key
MATCH (s:Sweep)
WHERE s.key > CASE WHEN $after > $prefix THEN $after ELSE $prefix END
  AND s.key < $prefix + '~'
RETURN s.key AS key, s.method AS method, s.parameters AS parameters, s.metric AS metric,
  s.goal AS goal, s.created_at AS created_at, s.name AS name, s.program AS program,
  s.run_cap AS run_cap, s.next_point AS next_point, s.is_stopped AS is_stopped
ORDER BY key
LIMIT $limit;

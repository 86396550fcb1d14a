// One sweep.
// Parameters: $key
// Columns: key, method, parameters, metric, goal, created_at, name, program, run_cap, next_point,
//   is_stopped
// Order: at most one row
// Index: sweep_key
MATCH (s:Sweep {key: $key})
RETURN s.key AS key, s.method AS method, s.parameters AS parameters, s.metric AS metric,
  s.goal AS goal, s.created_at AS created_at, s.name AS name, s.program AS program,
  s.run_cap AS run_cap, s.next_point AS next_point, s.is_stopped AS is_stopped;

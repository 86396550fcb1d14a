// How many runs of a sweep have no number in their summary there, or NaN.
// Parameters: $sweep key, $leaf how the path is found, $end of a leaf
// Columns: count
// Order: one row
// Index: sweep_key
MATCH (:Sweep {key: $sweep})<-[:IN_SWEEP]-(r:Run)
WHERE r.state <> 'deleted'
WITH left(split(split(r.summary_values, $leaf)[1], $end)[0], 1) AS kind
WHERE NOT coalesce(kind IN ['i', 'f'], false)
RETURN count(*) AS n;

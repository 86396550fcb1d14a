// A page of runs. What follows a comment such as /*where*/ is put in by compile_filter.
// Parameters: $projects their keys, $limit; $stale_before where a part names it
// Columns: key, the value they are ordered by
// Order: as asked, then key
// Index: project_key
MATCH (p:Project)<-[:IN]-(r:Run)
WHERE p.key IN $projects AND /*where*/ true
WITH r.key AS key, /*value*/ null AS value
WITH key, value, CASE
  WHEN value IS NULL THEN 3
  WHEN value IS :: BOOLEAN NOT NULL THEN 2
  WHEN value IS :: STRING NOT NULL THEN 1
  ELSE 0
END AS rank
WHERE /*place*/ true
RETURN key, value
ORDER BY /*order*/ key
LIMIT $limit;

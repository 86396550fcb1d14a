// A page of versions. What follows a comment such as /*where*/ is put in by compile_filter.
// Parameters: $projects their keys, $first and $last name of their collections, $limit
// Columns: key, the value they are ordered by
// Order: as asked, then key
// Index: artifact_place
MATCH (v:Artifact)
WHERE v.project IN $projects AND v.collection >= $first AND v.collection <= $last AND v.index >= 0
  AND /*where*/ true
WITH v.key AS key, /*value*/ null AS value
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

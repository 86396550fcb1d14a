// The live versions of a project or of one of its collections.
// Parameters: $project key, $first and $last name of its collections
// Columns: keys, a list
// Order: one row
// Index: artifact_place
MATCH (v:Artifact)
WHERE v.project = $project AND v.collection >= $first AND v.collection <= $last AND v.index >= 0
  AND v.state = 'committed'
RETURN collect(v.key) AS keys;

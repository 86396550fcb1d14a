// The live versions of a project or of one of its collections.
// Parameters: $project key, $collection its name or null
// Columns: keys, a list
// Order: one row
// Index: artifact_place
MATCH (v:Artifact)
WHERE v.project = $project AND v.collection = coalesce($collection, v.collection)
  AND v.state = 'committed'
RETURN collect(v.key) AS keys;

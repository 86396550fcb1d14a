// The live version of a collection with the highest index.
// Parameters: $project key, $collection its name
// Columns: key
// Order: index, highest first; at most one row
// Index: artifact_place
MATCH (v:Artifact)
WHERE v.project = $project AND v.collection = $collection AND v.index >= 0
  AND v.state = 'committed'
RETURN v.key AS key
ORDER BY v.index DESC
LIMIT 1;

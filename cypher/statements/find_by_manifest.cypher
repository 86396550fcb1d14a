// The live version of a collection with this content; the first, if there were several.
// Parameters: $collection key, $manifest digest
// Columns: key
// Order: index; at most one row
// Index: artifact_digest, collection_key
MATCH (v:Artifact {digest: $manifest})
WHERE v.state = 'committed' AND EXISTS { (v)-[:VERSION_OF]->(:Collection {key: $collection}) }
RETURN v.key AS key
ORDER BY v.index
LIMIT 1;

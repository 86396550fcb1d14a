// Marks live versions as deleted and empties what people said about them. `Deleted` tells them
// apart in Browser; one that owns pages is also `Deleting`, until it has lost them.
// Parameters: $rows [{key, at, by}]
// Index: node_key
UNWIND $rows AS row
MATCH (v:Node:Artifact {key: row.key})
WHERE v.state = 'committed'
SET v.state = 'deleted', v.deleted_at = row.at, v.deleted_by = row.by, v.tags = [],
  v.description = '', v.metadata = '{}', v.metadata_values = '', v:Deleted,
  v.references_checked_at = null, v.references_checked_by = null, v.references_ok = null,
  v.references_changed = null, v.references_missing = null, v.references_unversioned = null
REMOVE v:Drifted
FOREACH (_ IN CASE WHEN EXISTS { (v)-[:HAS_PAGE]->() } THEN [1] ELSE [] END | SET v:Deleting)
WITH v
MATCH (v)<-[:POINTS_TO]-(a:Alias)
DETACH DELETE a;

// Keeps what checks of versions' references found, in the place of the ones before. `Drifted` tells
// apart those whose references do not hold any more.
// Parameters: $rows [{key, properties, is_drifted}]
// Index: node_key
UNWIND $rows AS row
MATCH (v:Node:Artifact {key: row.key})
SET v += row.properties
FOREACH (_ IN CASE WHEN row.is_drifted THEN [1] ELSE [] END | SET v:Drifted)
FOREACH (_ IN CASE WHEN row.is_drifted THEN [] ELSE [1] END | REMOVE v:Drifted)
RETURN count(*) AS n;

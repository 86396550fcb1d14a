// The live versions in readable projects that own one of these pages.
// Parameters: $digests, $sees_all whether the scope sees everything, $entities it sees, $limit
// Columns: version key
// Order: version key
// Index: page_digest
UNWIND $digests AS digest
MATCH (:Page {digest: digest})<-[:HAS_PAGE]-(v:Artifact)-[:VERSION_OF]->(:Collection)
  -[:IN]->(j:Project)
WHERE v.state = 'committed' AND ($sees_all OR j.access <> 'private' OR j.entity IN $entities)
RETURN DISTINCT v.key AS key
ORDER BY key
LIMIT $limit;

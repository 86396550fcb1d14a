// Which blobs a readable page contains, or a draft of the caller holds. A live version is looked for
// first: a blob in thousands of pages is nearly always in one.
// Parameters: $digests, $sees_all whether the scope sees everything, $entities it sees, $caller
// Columns: digest
// Order: digest
// Index: blob_digest
UNWIND $digests AS digest
MATCH (b:Blob {digest: digest})
WHERE EXISTS {
    MATCH (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(v:Artifact)-[:VERSION_OF]->(:Collection)
      -[:IN]->(j:Project)
    WHERE v.state = 'committed'
      AND ($sees_all OR j.access <> 'private' OR j.entity IN $entities)
  }
  OR EXISTS { MATCH (b)<-[:HOLDS]-(d) WHERE d.actor = $caller }
  OR EXISTS { MATCH (b)<-[:CONTAINS]-(:Page)<-[:HAS_PAGE]-(d) WHERE d.actor = $caller }
RETURN b.digest AS digest
ORDER BY digest;

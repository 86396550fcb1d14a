// Which pages without a lost blob a live version in a readable project owns, or a draft of the
// caller. Nearly always no node has the label Lost, by which these blobs are found.
// Parameters: $digests, $sees_all whether the scope sees everything, $entities it sees, $caller
// Columns: digest
// Order: digest
// Index: page_digest
CALL () {
  MATCH (:Lost)<-[:CONTAINS]-(q:Page)
  RETURN collect(DISTINCT q.digest) AS lost
}
UNWIND $digests AS digest
MATCH (p:Page {digest: digest})
WHERE NOT digest IN lost
  AND (
    EXISTS {
      MATCH (p)<-[:HAS_PAGE]-(v:Artifact)-[:VERSION_OF]->(:Collection)-[:IN]->(j:Project)
      WHERE v.state = 'committed'
        AND ($sees_all OR j.access <> 'private' OR j.entity IN $entities)
    }
    OR EXISTS { MATCH (p)<-[:HAS_PAGE]-(d) WHERE d.actor = $caller }
  )
RETURN p.digest AS digest
ORDER BY digest;

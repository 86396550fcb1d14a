// Makes drafts own pages.
// Parameters: $rows [{draft, page}]
// Index: draft_id, page_digest
UNWIND $rows AS row
MATCH (d:Draft {id: row.draft})
MATCH (p:Page {digest: row.page})
MERGE (d)-[:HAS_PAGE]->(p)
RETURN count(*) AS n;

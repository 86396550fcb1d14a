// Takes pages from drafts.
// Parameters: $rows [{draft, page}]
// Index: draft_id, page_digest
UNWIND $rows AS row
MATCH (:Draft {id: row.draft})-[h:HAS_PAGE]->(:Page {digest: row.page})
DELETE h;

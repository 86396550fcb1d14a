// Removes drafts with their holds and their ownership of pages; refused for one with uploads.
// Parameters: $rows [id]
// Index: draft_id, upload_draft
UNWIND $rows AS id
MATCH (d:Draft {id: id})
WHERE NOT EXISTS { MATCH (u:Upload {draft: id}) }
DETACH DELETE d
RETURN count(*) AS n;

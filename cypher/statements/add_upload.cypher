// Adds uploads of drafts that are there.
// Parameters: $rows [{object, digest, size_bytes, draft, until}]
// Index: draft_id
UNWIND $rows AS row
MATCH (:Draft {id: row.draft})
CREATE (u:Upload)
SET u = row
RETURN count(*) AS n;

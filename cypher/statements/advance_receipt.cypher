// Adds to what deletions have freed, and moves the places that they have come to.
// Parameters: $rows [{id, touched_at, n_done, n_pages, n_blobs, freed_bytes}]
// Index: receipt_id
UNWIND $rows AS row
MATCH (r:Receipt {id: row.id})
SET r.touched_at = CASE WHEN row.touched_at > r.touched_at THEN row.touched_at
    ELSE r.touched_at END,
  r.n_done = CASE WHEN row.n_done > r.n_done THEN row.n_done ELSE r.n_done END,
  r.n_pages = r.n_pages + row.n_pages, r.n_blobs = r.n_blobs + row.n_blobs,
  r.freed_bytes = r.freed_bytes + row.freed_bytes
RETURN count(*) AS n;

// One receipt.
// Parameters: $id
// Columns: id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs,
//   freed_bytes, finished_at
// Order: at most one row
// Index: receipt_id
MATCH (r:Receipt {id: $id})
RETURN r.id AS id, r.actor AS actor, r.deleted_at AS deleted_at, r.plan AS plan, r.purge AS purge,
  r.versions AS versions, r.runs AS runs, r.n_done AS n_done, r.n_pages AS n_pages,
  r.n_blobs AS n_blobs, r.freed_bytes AS freed_bytes, r.finished_at AS finished_at;

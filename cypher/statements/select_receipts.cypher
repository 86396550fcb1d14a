// Receipts of somebody or of all, newest first, after a place.
// Parameters: $actor or null, $at and $id to go on after, or the last there can be, $limit
// Columns: id, actor, deleted_at, plan, purge, versions, runs, n_done, n_pages, n_blobs,
//   freed_bytes, finished_at
// Order: deleted_at, id, both falling
// Index: receipt_time
MATCH (r:Receipt)
USING INDEX r:Receipt(deleted_at)
WHERE r.deleted_at <= $at AND NOT (r.deleted_at = $at AND r.id >= $id)
  AND ($actor IS NULL OR r.actor = $actor)
WITH r
ORDER BY r.deleted_at DESC, r.id DESC
LIMIT $limit
RETURN r.id AS id, r.actor AS actor, r.deleted_at AS deleted_at, r.plan AS plan, r.purge AS purge,
  r.versions AS versions, r.runs AS runs, r.n_done AS n_done, r.n_pages AS n_pages,
  r.n_blobs AS n_blobs, r.freed_bytes AS freed_bytes, r.finished_at AS finished_at
ORDER BY deleted_at DESC, id DESC;

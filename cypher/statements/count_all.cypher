// Totals over everything stored: runs, also deleted ones, live versions, blobs.
// Parameters: none
// Columns: runs, versions, blobs, bytes of blobs
// Order: one row
// Index: none: it reads every run, version and blob
CALL () {
  MATCH (r:Run)
  WHERE r.segment = 1
  RETURN count(*) AS n_runs
}
CALL () {
  MATCH (v:Artifact)
  WHERE v.state = 'committed'
  RETURN count(*) AS n_versions
}
CALL () {
  MATCH (b:Blob)
  RETURN count(*) AS n_blobs, sum(b.size_bytes) AS size_bytes
}
RETURN n_runs, n_versions, n_blobs, size_bytes;

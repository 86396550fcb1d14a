-- Totals over everything stored; deleted runs and versions do not count.
-- Parameters: none
-- Columns: runs, versions, blobs, bytes of blobs
-- Order: one row
-- Index: none: it reads every run, version and blob
SELECT
    (SELECT count(*) FROM run WHERE state <> 'deleted'),
    (SELECT count(*) FROM version WHERE state = 'committed'),
    count(*),
    coalesce(sum(size_bytes), 0)
FROM blob;

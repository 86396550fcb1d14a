-- Totals over everything stored: runs, also deleted ones, live versions, blobs.
-- Parameters: none
-- Columns: runs, versions, blobs, bytes of blobs
-- Order: one row
-- Index: none: it reads every run, version and blob
SELECT
    (SELECT count(*) FROM run),
    (SELECT count(*) FROM version WHERE state = 'committed'),
    count(*),
    coalesce(sum(size_bytes), 0)
FROM blob;

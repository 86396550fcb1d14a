-- Deletions that are not finished, and that nobody has worked at since a time.
-- Parameters: ?1 that time, ?2 limit
-- Columns: id
-- Order: touched_at, id
-- Index: receipt_unfinished (touched_at, id)
SELECT id
FROM receipt
WHERE finished_at IS NULL AND touched_at <= ?1
ORDER BY touched_at, id
LIMIT ?2;

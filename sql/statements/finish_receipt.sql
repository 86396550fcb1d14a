-- Notes that a deletion is finished, if it is not noted yet.
-- Parameters: ?1 id, ?2 finished_at
-- Index: receipt (id)
UPDATE receipt SET finished_at = ?2 WHERE id = ?1 AND finished_at IS NULL;

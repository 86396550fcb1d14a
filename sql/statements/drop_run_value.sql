-- Forgets one leaf of a run's document.
-- Parameters: ?1 run id, ?2 document, ?3 path
-- Index: run_value (run_id, document, path)
DELETE FROM run_value WHERE run_id = ?1 AND document = ?2 AND path = ?3;

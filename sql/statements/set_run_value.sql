-- Keeps one leaf of a run's document.
-- Parameters: ?1 run id, ?2 document, ?3 path, ?4 value
-- Index: run_value (run_id, document, path)
INSERT INTO run_value (run_id, document, path, value) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (run_id, document, path) DO UPDATE SET value = excluded.value;

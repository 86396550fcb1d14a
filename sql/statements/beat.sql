-- Moves a run's heartbeat.
-- Parameters: ?1 key, ?2 heartbeat_at
-- Index: node (key), run (id)
UPDATE run SET heartbeat_at = ?2 WHERE id = (SELECT id FROM node WHERE key = ?1);

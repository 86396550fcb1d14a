-- Adds an unsealed segment to a run; its node exists.
-- Parameters: ?1 id, ?2 run key, ?3 number, ?4 created_at
-- Index: node (key)
INSERT INTO segment (id, run_id, number, is_sealed, created_at)
VALUES (?1, (SELECT id FROM node WHERE key = ?2), ?3, FALSE, ?4);

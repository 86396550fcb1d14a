-- Adds a flow edge between two nodes.
-- Parameters: ?1 key of its tail, ?2 key of its head, ?3 kind
-- Index: node (key), flow (src, dst, kind)
INSERT INTO flow (src, dst, kind)
VALUES ((SELECT id FROM node WHERE key = ?1), (SELECT id FROM node WHERE key = ?2), ?3)
ON CONFLICT (src, dst, kind) DO NOTHING;

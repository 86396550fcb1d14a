-- Seals a segment.
-- Parameters: ?1 key
-- Index: node (key), segment (id)
UPDATE segment SET is_sealed = TRUE WHERE id = (SELECT id FROM node WHERE key = ?1);

-- Joins a segment to the one before it.
-- Parameters: ?1 id of the later segment
-- Index: segment (id), segment (run_id, number)
INSERT INTO flow (src, dst, kind)
SELECT (SELECT b.id FROM segment AS b WHERE b.run_id = s.run_id AND b.number = s.number - 1), s.id, 2
FROM segment AS s
WHERE s.id = ?1;

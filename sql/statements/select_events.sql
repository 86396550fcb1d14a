-- Events after one of them.
-- Parameters: ?1 id to start after, ?2 limit
-- Columns: id, at, actor, verb, subject, before, after
-- Order: id
-- Index: event (id)
SELECT id, at, actor, verb, subject, before, after FROM event WHERE id > ?1 ORDER BY id LIMIT ?2;

-- Events about a subject, after one of them.
-- Parameters: ?1 id to start after, ?2 limit, ?3 subject
-- Columns: id, at, actor, verb, subject, before, after
-- Order: id
-- Index: event_about (subject, id)
SELECT id, at, actor, verb, subject, before, after
FROM event
WHERE subject = ?3 AND id > ?1
ORDER BY id
LIMIT ?2;

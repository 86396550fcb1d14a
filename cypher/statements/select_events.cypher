// Events after one of them.
// Parameters: $after the id to start after, $limit
// Columns: id, at, actor, verb, subject, before, after
// Order: id
// Index: event_id
MATCH (e:Event)
WHERE e.id > $after
RETURN e.id AS id, e.at AS at, e.actor AS actor, e.verb AS verb, e.subject AS subject,
  e.before AS before, e.after AS after
ORDER BY id
LIMIT $limit;

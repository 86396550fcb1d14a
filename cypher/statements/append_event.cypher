// Appends events. Their ids are microseconds of the database's own clock, so that all processes share
// one, and always above those that were committed before; two writers that get the same are told
// apart by the constraint, and the later runs again.
// Parameters: $rows [{at, actor, verb, subject, before, after}]
// Index: event_id
WITH datetime.realtime() AS now,
  COLLECT { MATCH (e:Event) WHERE e.id > 0 RETURN e.id ORDER BY e.id DESC LIMIT 1 } AS last
WITH [now.epochSeconds * 1000000 + now.microsecond, coalesce(last[0], 0) + 1] AS starts
WITH CASE WHEN starts[0] > starts[1] THEN starts[0] ELSE starts[1] END AS start
UNWIND range(0, size($rows) - 1) AS i
CREATE (e:Event)
SET e = $rows[i], e.id = start + i
RETURN count(*) AS n;

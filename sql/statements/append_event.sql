-- Appends an event.
-- Parameters: ?1 at, ?2 actor, ?3 verb, ?4 subject, ?5 before, ?6 after
INSERT INTO event (at, actor, verb, subject, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6);

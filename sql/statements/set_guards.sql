-- Changes what a project guards against.
-- Parameters: ?1 key, ?2 protected_aliases, ?3 guards_downstream
-- Index: project (key)
UPDATE project SET protected_aliases = ?2, guards_downstream = ?3 WHERE key = ?1;

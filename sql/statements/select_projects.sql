-- Readable projects, of one entity or of all, after a key.
-- Parameters: ?1 whether the scope sees everything, ?2 entities it sees (carray),
--   ?3 entity or NULL, ?4 key to start after, ?5 limit
-- Columns: key, access, created_at, protected_aliases, guards_downstream
-- Order: key
-- Index: project (key)
SELECT key, access, created_at, protected_aliases, guards_downstream
FROM project
WHERE key > ?4
    AND (?3 IS NULL OR entity = ?3)
    AND (?1 OR access <> 'private' OR entity IN (SELECT value FROM carray(?2)))
ORDER BY key
LIMIT ?5;

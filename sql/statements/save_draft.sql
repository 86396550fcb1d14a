-- Replaces what may change of a draft.
-- Parameters: ?1 key, ?2 expires_at, ?3 segment, ?4 version, ?5 created
-- Index: draft (key)
UPDATE draft SET expires_at = ?2, segment = ?3, version = ?4, created = ?5 WHERE key = ?1;

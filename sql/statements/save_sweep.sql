-- Replaces what may change of a sweep.
-- Parameters: ?1 key, ?2 next_point, ?3 is_stopped
-- Index: sweep (key)
UPDATE sweep SET next_point = ?2, is_stopped = ?3 WHERE key = ?1;

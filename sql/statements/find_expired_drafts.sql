-- Drafts whose time is over.
-- Parameters: ?1 now, ?2 limit
-- Columns: key
-- Order: expires_at, key
-- Index: draft_expiry (expires_at, key)
SELECT key FROM draft WHERE expires_at <= ?1 ORDER BY expires_at, key LIMIT ?2;

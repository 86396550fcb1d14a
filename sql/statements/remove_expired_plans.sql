-- Removes plans whose time is over.
-- Parameters: ?1 now
-- Index: plan_expiry (expires_at)
DELETE FROM plan WHERE expires_at <= ?1;

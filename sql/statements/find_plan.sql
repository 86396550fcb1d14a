-- One plan.
-- Parameters: ?1 digest
-- Columns: expires_at, actor, versions, runs, delete_aliases, purge, binds
-- Order: at most one row
-- Index: plan (digest)
SELECT expires_at, actor, versions, runs, delete_aliases, purge, binds FROM plan WHERE digest = ?1;

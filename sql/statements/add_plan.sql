-- Adds a plan, in place of one with the same digest.
-- Parameters: ?1 digest, ?2 expires_at, ?3 actor, ?4 versions, ?5 runs, ?6 delete_aliases,
--   ?7 purge, ?8 binds
-- Index: plan (digest)
INSERT OR REPLACE INTO plan (
    digest, expires_at, actor, versions, runs, delete_aliases, purge, binds
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

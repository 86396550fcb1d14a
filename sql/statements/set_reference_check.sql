-- Keeps what a check of a version's references found, in the place of the one before.
-- Parameters: ?1 version id, ?2 checked_at, ?3 checked_by, ?4 n_ok, ?5 n_changed, ?6 n_missing,
--   ?7 n_unversioned
-- Index: reference_check (version_id)
INSERT OR REPLACE INTO reference_check (
    version_id, checked_at, checked_by, n_ok, n_changed, n_missing, n_unversioned
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

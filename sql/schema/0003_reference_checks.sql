-- What was found when the references of a version were last looked at.
CREATE TABLE reference_check (
    version_id INTEGER PRIMARY KEY REFERENCES version ON DELETE CASCADE,
    checked_at INTEGER NOT NULL,
    checked_by TEXT NOT NULL,
    n_ok INTEGER NOT NULL,
    n_changed INTEGER NOT NULL,
    n_missing INTEGER NOT NULL,
    n_unversioned INTEGER NOT NULL
) STRICT;
CREATE INDEX reference_check_drifted ON reference_check (version_id) WHERE n_changed + n_missing > 0;

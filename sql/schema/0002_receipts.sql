-- What was deleted, by whom, and what it freed; unfinished until the last of its bytes is gone.
CREATE TABLE receipt (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    actor TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    finished_at INTEGER,
    plan BLOB,
    purge INTEGER NOT NULL,
    n_done INTEGER NOT NULL,
    n_pages INTEGER NOT NULL,
    n_blobs INTEGER NOT NULL,
    freed_bytes INTEGER NOT NULL,
    versions TEXT NOT NULL,
    runs TEXT NOT NULL
) STRICT;
CREATE INDEX receipt_of_plan ON receipt (plan, actor) WHERE plan IS NOT NULL;
CREATE INDEX receipt_unfinished ON receipt (touched_at, id) WHERE finished_at IS NULL;
CREATE INDEX receipt_by_time ON receipt (deleted_at, id);

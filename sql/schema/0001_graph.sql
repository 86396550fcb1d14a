-- The graph and what lies in it. Times are whole microseconds UTC, digests their 32 raw bytes,
-- documents and lists of text JSON. Foreign keys are the last guard of DESIGN 3: nothing that is
-- still owned, contained or held can be removed.

-- What tells this graph from every other.
CREATE TABLE identity (
    id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));

-- Projects -----------------------------------------------------------------------------------

CREATE TABLE entity (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE project (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    entity TEXT NOT NULL REFERENCES entity,
    access TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Nodes and flow -----------------------------------------------------------------------------

-- Segments and versions: narrow, because a trace reads one row for each node of its answer.
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
) STRICT;

-- Keys of purged runs and versions: never given again.
CREATE TABLE retired_key (
    key TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- In the direction data flows; kind: 0 feeds, 1 logged, 2 continues.
CREATE TABLE flow (
    src INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    dst INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    PRIMARY KEY (src, dst, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_back ON flow (dst, src, kind);

CREATE TABLE reproduced (
    segment_id INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    version_id INTEGER NOT NULL REFERENCES node ON DELETE CASCADE,
    PRIMARY KEY (segment_id, version_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reproduced_back ON reproduced (version_id, segment_id);

-- Runs and sweeps ----------------------------------------------------------------------------

CREATE TABLE sweep (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    project_id INTEGER NOT NULL REFERENCES project,
    method TEXT NOT NULL,
    parameters TEXT NOT NULL,
    metric TEXT NOT NULL,
    goal TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    name TEXT NOT NULL,
    program TEXT NOT NULL,
    run_cap INTEGER,
    next_point INTEGER NOT NULL,
    is_stopped INTEGER NOT NULL
) STRICT;
CREATE INDEX sweep_in_project ON sweep (project_id, key);

-- Its id is that of the node of its first segment.
CREATE TABLE run (
    id INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    project_id INTEGER NOT NULL REFERENCES project,
    sweep_id INTEGER REFERENCES sweep,
    point INTEGER,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    finished_at INTEGER,
    exit_code INTEGER,
    revision INTEGER NOT NULL,
    name TEXT NOT NULL,
    job_type TEXT NOT NULL,
    group_name TEXT NOT NULL,
    tags TEXT NOT NULL,
    error TEXT NOT NULL,
    notes TEXT NOT NULL,
    config TEXT NOT NULL,
    summary TEXT NOT NULL,
    summary_min TEXT NOT NULL,
    summary_max TEXT NOT NULL
) STRICT;
CREATE INDEX run_in_project ON run (project_id, created_at);
CREATE INDEX run_in_sweep ON run (sweep_id) WHERE sweep_id IS NOT NULL;

CREATE TABLE segment (
    id INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    number INTEGER NOT NULL,
    is_sealed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (run_id, number)
) STRICT;

-- Leaves of config (0), summary (1), summary_min (2) and summary_max (3). A number or text stands
-- for itself, false is x'00', true x'01', null x'', and NaN is NULL: so SQL's own `=` is strict
-- about types, and no comparison with NaN is true.
CREATE TABLE run_value (
    run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    document INTEGER NOT NULL,
    path TEXT NOT NULL,
    value ANY,
    PRIMARY KEY (run_id, document, path)
) STRICT, WITHOUT ROWID;

-- Collections and versions -------------------------------------------------------------------

CREATE TABLE collection (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    project_id INTEGER NOT NULL REFERENCES project,
    type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    next_index INTEGER NOT NULL,
    description TEXT NOT NULL
) STRICT;
CREATE INDEX collection_in_project ON collection (project_id, key);

CREATE TABLE version (
    id INTEGER PRIMARY KEY REFERENCES node ON DELETE CASCADE,
    collection_id INTEGER NOT NULL REFERENCES collection,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    owns_pages INTEGER NOT NULL,
    manifest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    n_files INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    deleted_at INTEGER,
    deleted_by TEXT,
    revision INTEGER NOT NULL,
    tags TEXT NOT NULL,
    description TEXT NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (collection_id, number)
) STRICT;
CREATE INDEX version_live ON version (collection_id, number) WHERE state = 'committed';
CREATE INDEX version_live_manifest ON version (collection_id, manifest) WHERE state = 'committed';
CREATE INDEX version_unfinished ON version (id) WHERE state = 'deleted' AND owns_pages;

-- Leaves of metadata, as in run_value.
CREATE TABLE version_value (
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    path TEXT NOT NULL,
    value ANY,
    PRIMARY KEY (version_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE alias (
    collection_id INTEGER NOT NULL REFERENCES collection,
    name TEXT NOT NULL,
    version_id INTEGER NOT NULL REFERENCES version ON DELETE CASCADE,
    PRIMARY KEY (collection_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_of_version ON alias (version_id, name);

-- Pages and blobs ----------------------------------------------------------------------------

CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    object TEXT NOT NULL UNIQUE,
    until INTEGER NOT NULL
) STRICT;

-- The body stands last: the facts are read without it.
CREATE TABLE page (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    n_entries INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    is_closed INTEGER NOT NULL,
    first_path TEXT NOT NULL,
    last_path TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX page_span ON page (first_path, last_path);

CREATE TABLE page_blob (
    page_id INTEGER NOT NULL REFERENCES page ON DELETE CASCADE,
    blob_id INTEGER NOT NULL REFERENCES blob,
    PRIMARY KEY (page_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX page_blob_back ON page_blob (blob_id, page_id);

-- Files of several parts, by the digest of the whole.
CREATE TABLE page_file (
    digest BLOB NOT NULL,
    page_id INTEGER NOT NULL REFERENCES page ON DELETE CASCADE,
    PRIMARY KEY (digest, page_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX page_file_back ON page_file (page_id);

CREATE TABLE version_page (
    version_id INTEGER NOT NULL REFERENCES version,
    position INTEGER NOT NULL,
    page_id INTEGER NOT NULL REFERENCES page,
    PRIMARY KEY (version_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_page_back ON version_page (page_id, version_id);

-- Drafts and objects -------------------------------------------------------------------------

-- It names its collection, run, segment and version by key: they may not exist, or no longer.
CREATE TABLE draft (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    type TEXT NOT NULL,
    actor TEXT NOT NULL,
    pages BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    run TEXT,
    segment TEXT,
    aliases TEXT NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    description TEXT NOT NULL,
    version TEXT,
    created INTEGER
) STRICT;
CREATE INDEX draft_expiry ON draft (expires_at, key);

CREATE TABLE draft_page (
    draft_id INTEGER NOT NULL REFERENCES draft ON DELETE CASCADE,
    page_id INTEGER NOT NULL REFERENCES page,
    PRIMARY KEY (draft_id, page_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_page_back ON draft_page (page_id, draft_id);

CREATE TABLE draft_blob (
    draft_id INTEGER NOT NULL REFERENCES draft ON DELETE CASCADE,
    blob_id INTEGER NOT NULL REFERENCES blob,
    PRIMARY KEY (draft_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_blob_back ON draft_blob (blob_id, draft_id);

CREATE TABLE upload (
    object TEXT NOT NULL PRIMARY KEY,
    draft_id INTEGER NOT NULL REFERENCES draft,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_of_draft ON upload (draft_id, digest);

CREATE TABLE tombstone (
    object TEXT NOT NULL PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    until INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_pending ON tombstone (object) WHERE deleted_at IS NULL;
CREATE INDEX tombstone_buried ON tombstone (until) WHERE deleted_at IS NOT NULL;

-- Events and plans ---------------------------------------------------------------------------

CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    verb TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT,
    after TEXT
) STRICT;
CREATE INDEX event_about ON event (subject, id);

CREATE TABLE plan (
    digest BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    versions TEXT NOT NULL,
    runs TEXT NOT NULL,
    delete_aliases INTEGER NOT NULL,
    purge INTEGER NOT NULL,
    binds TEXT NOT NULL
) STRICT;
CREATE INDEX plan_expiry ON plan (expires_at);

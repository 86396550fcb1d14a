-- Adds a page where it is new.
-- Parameters: ?1 digest, ?2 n_entries, ?3 size_bytes, ?4 is_closed, ?5 first_path, ?6 last_path,
--   ?7 body
-- Columns: id; no row if it was there
-- Order: at most one row
-- Index: page (digest)
INSERT INTO page (digest, n_entries, size_bytes, is_closed, first_path, last_path, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (digest) DO NOTHING
RETURNING id;

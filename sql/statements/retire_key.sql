-- Keeps a purged key from being given again.
-- Parameters: ?1 key
-- Index: retired_key (key)
INSERT INTO retired_key (key) VALUES (?1) ON CONFLICT (key) DO NOTHING;

-- Adds an entity where it is new.
-- Parameters: ?1 name
-- Index: entity (name)
INSERT INTO entity (name) VALUES (?1) ON CONFLICT (name) DO NOTHING;

-- Removes a draft with its holds and pages; refused while it has uploads.
-- Parameters: ?1 key
-- Index: draft (key)
DELETE FROM draft WHERE key = ?1;

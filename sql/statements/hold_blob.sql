-- Makes a draft hold a blob.
-- Parameters: ?1 draft key, ?2 blob digest
-- Index: draft (key), blob (digest)
INSERT INTO draft_blob (draft_id, blob_id)
VALUES ((SELECT id FROM draft WHERE key = ?1), (SELECT id FROM blob WHERE digest = ?2))
ON CONFLICT (draft_id, blob_id) DO NOTHING;

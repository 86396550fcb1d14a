-- Ends a draft's holds on blobs.
-- Parameters: ?1 draft key, ?2 blob digests (carray)
-- Index: draft (key), blob (digest), draft_blob (draft_id, blob_id)
DELETE FROM draft_blob
WHERE draft_id = (SELECT id FROM draft WHERE key = ?1)
    AND blob_id IN (SELECT b.id FROM carray(?2) AS k CROSS JOIN blob AS b ON b.digest = k.value);

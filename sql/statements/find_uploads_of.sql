-- The uploads of a draft.
-- Parameters: ?1 draft key
-- Columns: as find_uploads
-- Order: object
-- Index: draft (key), upload_of_draft (draft_id, digest)
SELECT u.object, u.digest, u.size_bytes, d.key, u.until
FROM draft AS d
    CROSS JOIN upload AS u ON u.draft_id = d.id
WHERE d.key = ?1
ORDER BY u.object;

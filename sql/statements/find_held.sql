-- The blobs that a draft holds.
-- Parameters: ?1 draft key
-- Columns: digest
-- Order: digest
-- Index: draft (key), draft_blob (draft_id, blob_id), blob (id)
SELECT b.digest
FROM draft AS d
    CROSS JOIN draft_blob AS h ON h.draft_id = d.id
    CROSS JOIN blob AS b ON b.id = h.blob_id
WHERE d.key = ?1
ORDER BY b.digest;

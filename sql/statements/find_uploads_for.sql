-- The uploads of a draft for some blobs.
-- Parameters: ?1 draft key, ?2 digests (carray)
-- Columns: as find_uploads
-- Order: object
-- Index: draft (key), upload_of_draft (draft_id, digest)
SELECT u.object, u.digest, u.size_bytes, d.key, u.until
FROM draft AS d
    CROSS JOIN carray(?2) AS k
    CROSS JOIN upload AS u ON u.draft_id = d.id AND u.digest = k.value
WHERE d.key = ?1
ORDER BY u.object;

-- Uploads.
-- Parameters: ?1 objects (carray)
-- Columns: object, digest, size_bytes, draft key, until
-- Order: object
-- Index: upload (object), draft (id)
SELECT u.object, u.digest, u.size_bytes, d.key, u.until
FROM carray(?1) AS k
    CROSS JOIN upload AS u ON u.object = k.value
    CROSS JOIN draft AS d ON d.id = u.draft_id
ORDER BY u.object;

-- The pages that contain a blob, or a file of several parts, with this digest.
-- Parameters: ?1 digest, ?2 whether it is a blob's
-- Columns: page id
-- Order: id
-- Index: blob (digest), page_blob_back (blob_id, page_id), page_file (digest, page_id)
SELECT page_id FROM page_blob WHERE ?2 AND blob_id = (SELECT id FROM blob WHERE digest = ?1)
UNION
SELECT page_id FROM page_file WHERE NOT ?2 AND digest = ?1
ORDER BY page_id;

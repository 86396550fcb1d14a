-- Uploads of drafts that do not exist.
-- Parameters: none
-- Columns: as find_uploads, with an empty draft key
-- Order: object
-- Index: none: it reads every upload
SELECT u.object, u.digest, u.size_bytes, '', u.until
FROM upload AS u
WHERE NOT EXISTS (SELECT 1 FROM draft AS d WHERE d.id = u.draft_id)
ORDER BY u.object;

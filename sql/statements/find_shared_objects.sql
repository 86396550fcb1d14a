-- Objects that more than one of a blob, an upload and a tombstone names.
-- Parameters: none
-- Columns: object
-- Order: object
-- Index: none: it reads every upload and tombstone
SELECT u.object
FROM upload AS u
WHERE EXISTS (SELECT 1 FROM tombstone AS t WHERE t.object = u.object)
    OR EXISTS (SELECT 1 FROM blob AS b WHERE b.object IN (u.object, 'lost:' || u.object))
UNION
SELECT t.object
FROM tombstone AS t
WHERE EXISTS (SELECT 1 FROM blob AS b WHERE b.object IN (t.object, 'lost:' || t.object))
ORDER BY 1;

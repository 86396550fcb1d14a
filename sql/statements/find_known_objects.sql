-- Which objects are a blob's, also a lost one's, an upload's or a tombstone's.
-- Parameters: ?1 objects (carray)
-- Columns: object
-- Order: as given
-- Index: blob (object), upload (object), tombstone (object)
SELECT k.value
FROM carray(?1) AS k
WHERE EXISTS (SELECT 1 FROM blob AS b WHERE b.object IN (k.value, 'lost:' || k.value))
    OR EXISTS (SELECT 1 FROM upload AS u WHERE u.object = k.value)
    OR EXISTS (SELECT 1 FROM tombstone AS t WHERE t.object = k.value);

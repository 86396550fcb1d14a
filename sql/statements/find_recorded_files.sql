-- The files of several parts that pages list.
-- Parameters: ?1 page ids (carray)
-- Columns: page id, digest of the whole file
-- Order: page id, digest
-- Index: page_file_back (page_id)
SELECT f.page_id, f.digest
FROM carray(?1) AS k
    CROSS JOIN page_file AS f ON f.page_id = k.value
ORDER BY f.page_id, f.digest;

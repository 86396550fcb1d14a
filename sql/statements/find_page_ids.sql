-- The pages that versions own.
-- Parameters: ?1 version ids (carray)
-- Columns: id
-- Order: id
-- Index: version_page (version_id, position)
SELECT DISTINCT o.page_id
FROM carray(?1) AS k
    CROSS JOIN version_page AS o ON o.version_id = k.value
ORDER BY o.page_id;

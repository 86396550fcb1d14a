-- Which pages a version owns.
-- Parameters: ?1 version key, ?2 limit; negative for all
-- Columns: digest
-- Order: position
-- Index: node (key), version_page (version_id, position), page (id)
SELECT p.digest
FROM node AS n
    CROSS JOIN version_page AS o ON o.version_id = n.id
    CROSS JOIN page AS p ON p.id = o.page_id
WHERE n.key = ?1
ORDER BY o.position
LIMIT ?2;

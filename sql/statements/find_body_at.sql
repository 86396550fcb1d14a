-- The page of a version whose paths span this one.
-- Parameters: ?1 version key, ?2 path
-- Columns: body
-- Order: at most one row
-- Index: node (key), version_page (version_id, position), page (id)
SELECT p.body
FROM node AS n
    CROSS JOIN version_page AS o ON o.version_id = n.id
    CROSS JOIN page AS p ON p.id = o.page_id
WHERE n.key = ?1 AND p.first_path <= ?2 AND p.last_path >= ?2
ORDER BY o.position
LIMIT 1;

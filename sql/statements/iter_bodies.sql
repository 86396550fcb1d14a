-- The pages of a version.
-- Parameters: ?1 version key
-- Columns: body
-- Order: position
-- Index: node (key), version_page (version_id, position), page (id)
SELECT p.body
FROM node AS n
    CROSS JOIN version_page AS o ON o.version_id = n.id
    CROSS JOIN page AS p ON p.id = o.page_id
WHERE n.key = ?1
ORDER BY o.position;

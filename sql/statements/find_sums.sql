-- The pages of a version, with what they add to it.
-- Parameters: ?1 version key
-- Columns: digest, size_bytes, n_entries
-- Order: position
-- Index: node (key), version_page (version_id, position), page (id)
SELECT p.digest, p.size_bytes, p.n_entries
FROM node AS n
    CROSS JOIN version_page AS o ON o.version_id = n.id
    CROSS JOIN page AS p ON p.id = o.page_id
WHERE n.key = ?1
ORDER BY o.position;

-- Versions deleted at or before a time that still own pages.
-- Parameters: ?1 at, ?2 limit
-- Columns: key
-- Order: key
-- Index: version_unfinished (id), node (id)
SELECT n.key
FROM version AS v
    CROSS JOIN node AS n ON n.id = v.id
WHERE v.state = 'deleted' AND v.owns_pages AND v.deleted_at <= ?1
ORDER BY n.key
LIMIT ?2;

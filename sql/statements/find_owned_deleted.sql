-- Deleted versions that still own pages.
-- Parameters: ?1 limit
-- Columns: key
-- Order: key
-- Index: version_unfinished (id), node (id)
SELECT n.key
FROM version AS v
    CROSS JOIN node AS n ON n.id = v.id
WHERE v.state = 'deleted' AND v.owns_pages
ORDER BY n.key
LIMIT ?1;

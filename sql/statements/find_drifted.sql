-- Versions whose last check found references that do not hold any more.
-- Parameters: none
-- Columns: key
-- Order: key
-- Index: reference_check_drifted (version_id), node (id)
SELECT n.key
FROM reference_check AS r INDEXED BY reference_check_drifted
    CROSS JOIN node AS n ON n.id = r.version_id
WHERE r.n_changed + r.n_missing > 0
ORDER BY n.key;

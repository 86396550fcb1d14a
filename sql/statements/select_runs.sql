-- A page of runs. What follows a comment such as /*where*/ is put in by compile_filter.
-- Parameters: :projects their ids (carray), :limit; :stale_before where a part names it
-- Columns: key, the value they are ordered by
-- Order: as asked, then key
-- Index: run_in_project (project_id, created_at), run_value (run_id, document, path)
SELECT n.key, /*value*/ NULL
FROM run AS r
    CROSS JOIN node AS n ON n.id = r.id
    CROSS JOIN project AS p ON p.id = r.project_id
    LEFT JOIN sweep AS s ON s.id = r.sweep_id
WHERE r.project_id IN (SELECT value FROM carray(:projects))
    AND /*where*/ TRUE
ORDER BY /*order*/ n.key
LIMIT :limit;

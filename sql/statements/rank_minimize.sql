-- Runs of a sweep by a number in their summary, lowest first; ties go to the earliest.
-- Parameters: ?1 sweep key, ?2 path in the summary, ?3 limit
-- Columns: run key, number
-- Order: number, created_at, key
-- Index: sweep (key), run_in_sweep (sweep_id), run_value (run_id, document, path)
SELECT n.key, x.value
FROM sweep AS s
    CROSS JOIN run AS r ON r.sweep_id = s.id
    CROSS JOIN run_value AS x ON x.run_id = r.id AND x.document = 1 AND x.path = ?2
    CROSS JOIN node AS n ON n.id = r.id
WHERE s.key = ?1 AND r.state <> 'deleted' AND typeof(x.value) IN ('integer', 'real')
ORDER BY x.value, r.created_at, n.key
LIMIT ?3;

-- How many runs of a sweep have no number in their summary there, or NaN.
-- Parameters: ?1 sweep key, ?2 path in the summary
-- Columns: count
-- Order: one row
-- Index: sweep (key), run_in_sweep (sweep_id), run_value (run_id, document, path)
SELECT count(*)
FROM sweep AS s
    CROSS JOIN run AS r ON r.sweep_id = s.id
WHERE s.key = ?1
    AND r.state <> 'deleted'
    AND NOT EXISTS (
        SELECT 1
        FROM run_value AS x
        WHERE x.run_id = r.id
            AND x.document = 1
            AND x.path = ?2
            AND typeof(x.value) IN ('integer', 'real')
    );

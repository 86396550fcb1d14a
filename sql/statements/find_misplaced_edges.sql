-- Edges that do not join what their kind joins, and all LOGGED of a version that has several.
-- Parameters: none
-- Columns: src key, kind, dst key; empty for what is not there
-- Order: src key, kind, dst key
-- Index: none: it reads every edge
SELECT coalesce(s.key, ''), x.kind, coalesce(d.key, '')
FROM (
        SELECT
            f.src, f.dst,
            CASE f.kind WHEN 0 THEN 'feeds' WHEN 1 THEN 'logged' ELSE 'continues' END AS kind
        FROM flow AS f
        WHERE NOT CASE f.kind
            WHEN 0 THEN
                EXISTS (SELECT 1 FROM version AS v WHERE v.id = f.src)
                AND EXISTS (SELECT 1 FROM segment AS g WHERE g.id = f.dst)
            WHEN 1 THEN
                EXISTS (SELECT 1 FROM segment AS g WHERE g.id = f.src)
                AND EXISTS (SELECT 1 FROM version AS v WHERE v.id = f.dst)
                AND NOT EXISTS (
                    SELECT 1
                    FROM flow AS o
                    WHERE o.dst = f.dst AND o.src <> f.src AND o.kind = 1
                )
            ELSE
                EXISTS (
                    SELECT 1
                    FROM segment AS g
                        CROSS JOIN segment AS h ON h.id = f.dst
                    WHERE g.id = f.src AND h.run_id = g.run_id AND h.number = g.number + 1
                )
        END
        UNION ALL
        SELECT r.segment_id, r.version_id, 'reproduced'
        FROM reproduced AS r
        WHERE NOT EXISTS (SELECT 1 FROM segment AS g WHERE g.id = r.segment_id)
            OR NOT EXISTS (SELECT 1 FROM version AS v WHERE v.id = r.version_id)
    ) AS x
    LEFT JOIN node AS s ON s.id = x.src
    LEFT JOIN node AS d ON d.id = x.dst
ORDER BY 1, 2, 3;

-- Drafts that hold or own what is not there, or that are committed and still own a page.
-- Parameters: none
-- Columns: key, what cannot be
-- Order: key, what cannot be
-- Index: none: it reads every hold and page of every draft
SELECT d.key, 'hold'
FROM draft_blob AS h
    CROSS JOIN draft AS d ON d.id = h.draft_id
WHERE NOT EXISTS (SELECT 1 FROM blob AS b WHERE b.id = h.blob_id)
UNION
SELECT d.key, 'page'
FROM draft_page AS o
    CROSS JOIN draft AS d ON d.id = o.draft_id
WHERE NOT EXISTS (SELECT 1 FROM page AS p WHERE p.id = o.page_id)
UNION
SELECT d.key, 'committed'
FROM draft_page AS o
    CROSS JOIN draft AS d ON d.id = o.draft_id
WHERE d.version IS NOT NULL
ORDER BY 1, 2;

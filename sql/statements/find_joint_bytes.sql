-- The bytes of those blobs that several versions contain.
-- Parameters: ?1 blob ids (carray)
-- Columns: bytes
-- Order: one row
-- Index: blob (id), page_blob_back (blob_id, page_id), version_page_back (page_id, version_id)
SELECT coalesce(sum(b.size_bytes), 0)
FROM carray(?1) AS k
    CROSS JOIN blob AS b ON b.id = k.value
WHERE (
        SELECT count(*)
        FROM (
                SELECT DISTINCT o.version_id
                FROM page_blob AS c
                    CROSS JOIN version_page AS o ON o.page_id = c.page_id
                WHERE c.blob_id = b.id
                LIMIT 2
            )
    ) > 1;

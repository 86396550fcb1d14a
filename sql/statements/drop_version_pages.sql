-- Takes pages from a version.
-- Parameters: ?1 version id, ?2 page digests (carray)
-- Index: page (digest), version_page_back (page_id, version_id)
DELETE FROM version_page
WHERE (version_id, position) IN (
    SELECT o.version_id, o.position
    FROM carray(?2) AS k
        CROSS JOIN page AS p ON p.digest = k.value
        CROSS JOIN version_page AS o ON o.page_id = p.id AND o.version_id = ?1
);

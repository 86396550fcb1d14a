-- The bodies of pages.
-- Parameters: ?1 page ids (carray)
-- Columns: page id, body
-- Order: as given
-- Index: page (id)
SELECT p.id, p.body FROM carray(?1) AS k CROSS JOIN page AS p ON p.id = k.value;

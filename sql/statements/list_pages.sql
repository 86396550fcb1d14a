-- All pages.
-- Parameters: ?1 digest to start after, ?2 limit
-- Columns: digest
-- Order: digest
-- Index: page (digest)
SELECT digest FROM page WHERE digest > ?1 ORDER BY digest LIMIT ?2;

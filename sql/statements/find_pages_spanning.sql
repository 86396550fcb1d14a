-- The pages with an entry of this path.
-- Parameters: ?1 path, ?2 how a line of the body spells it, up to the quote that ends it
-- Columns: page id, body
-- Order: id
-- Index: page_span (first_path, last_path)
SELECT id, body
FROM page INDEXED BY page_span
WHERE first_path <= ?1 AND last_path >= ?1 AND instr(body, ?2)
ORDER BY id;

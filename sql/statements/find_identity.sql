-- What tells this graph from every other.
-- Parameters: none
-- Columns: id
-- Order: one row
-- Index: identity (id)
SELECT id FROM identity WHERE id > '';

-- Where the edges out of one node lead: a level of a chain, for the least that a statement costs.
-- Parameters: ?1 node id
-- Columns: id
-- Order: id
-- Index: flow (src, dst, kind)
SELECT dst FROM flow WHERE src = ?1;

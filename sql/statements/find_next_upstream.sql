-- Where the edges into one node come from.
-- Parameters: ?1 node id
-- Columns: id
-- Order: id
-- Index: flow_back (dst, src, kind)
SELECT src FROM flow WHERE dst = ?1;

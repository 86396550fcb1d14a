-- The receipt of what somebody did by a plan; the first, if there were several.
-- Parameters: ?1 plan, ?2 actor
-- Columns: id
-- Order: at most one row
-- Index: receipt_of_plan (plan, actor)
SELECT id FROM receipt WHERE plan = ?1 AND actor = ?2 ORDER BY number LIMIT 1;

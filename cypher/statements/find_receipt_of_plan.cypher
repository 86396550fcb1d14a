// The receipt of what somebody did by a plan; the first, if there were several.
// Parameters: $plan, $actor
// Columns: id
// Order: at most one row
// Index: receipt_plan
MATCH (r:Receipt {plan: $plan})
WHERE r.actor = $actor
RETURN r.id AS id
ORDER BY r.deleted_at, id
LIMIT 1;

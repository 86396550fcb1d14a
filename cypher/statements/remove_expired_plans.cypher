// Removes plans whose time is over.
// Parameters: $rows [now]
// Index: plan_expiry
UNWIND $rows AS now
MATCH (p:Plan)
WHERE p.expires_at <= now
DELETE p;

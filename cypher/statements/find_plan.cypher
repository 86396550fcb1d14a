// One plan.
// Parameters: $digest
// Columns: expires_at, actor, versions, runs, delete_aliases, purge, binds
// Order: at most one row
// Index: plan_digest
MATCH (p:Plan {digest: $digest})
RETURN p.expires_at AS expires_at, p.actor AS actor, p.versions AS versions, p.runs AS runs,
  p.delete_aliases AS delete_aliases, p.purge AS purge, p.binds AS binds;

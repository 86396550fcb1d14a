// Adds plans, each in place of one with the same digest.
// Parameters: $rows [properties]
// Index: plan_digest
UNWIND $rows AS row
MERGE (p:Plan {digest: row.digest})
SET p = row
RETURN count(*) AS n;

// Adds the receipts of deletions that begin.
// Parameters: $rows [properties]
UNWIND $rows AS row
CREATE (r:Receipt:Running)
SET r = row
RETURN count(*) AS n;

// Adds drafts.
// Parameters: $rows [properties]
UNWIND $rows AS row
CREATE (d:Draft)
SET d = row
RETURN count(*) AS n;

// Versions whose last check found references that do not hold any more.
// Parameters: none
// Columns: key
// Order: key
// Index: drifted_key
MATCH (v:Drifted)
WHERE v.key IS NOT NULL
RETURN v.key AS key
ORDER BY key;

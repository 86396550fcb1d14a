// Versions deleted at or before a time that still own pages.
// Parameters: $at, $limit
// Columns: key
// Order: key
// Index: the label Deleting
MATCH (v:Deleting)
WHERE v.deleted_at <= $at
RETURN v.key AS key
ORDER BY key
LIMIT $limit;

// Deletions that are not finished, and that nobody has worked at since a time.
// Parameters: $before that time, $limit
// Columns: id
// Order: touched_at, id
// Index: the label Running
MATCH (r:Running)
WHERE r.touched_at <= $before
RETURN r.id AS id
ORDER BY r.touched_at, id
LIMIT $limit;

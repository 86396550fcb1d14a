// Drafts whose time is over.
// Parameters: $now, $limit
// Columns: id
// Order: expires_at, id
// Index: draft_expiry
MATCH (d:Draft)
WHERE d.expires_at <= $now
RETURN d.id AS id
ORDER BY d.expires_at, id
LIMIT $limit;

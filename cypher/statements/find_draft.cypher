// One draft.
// Parameters: $id
// Columns: collection, type, actor, pages, expires_at, segment, aliases, tags, metadata,
//   description, version, created, run
// Order: at most one row
// Index: draft_id
MATCH (d:Draft {id: $id})
RETURN d.collection AS collection, d.type AS type, d.actor AS actor, d.pages AS pages,
  d.expires_at AS expires_at, d.segment AS segment, d.aliases AS aliases, d.tags AS tags,
  d.metadata AS metadata, d.description AS description, d.version AS version,
  d.created AS created, d.run AS run;

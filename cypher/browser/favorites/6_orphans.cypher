// Orphans: live versions that no run used and no alias names
// `latest`, which every collection has, is not counted. The largest come first. What shares its
// bytes frees less than its size: ask Impact before you delete.
MATCH (n:Artifact)
WHERE n.state = 'committed'
  AND NOT EXISTS { (n)-[:FEEDS]->() }
  AND NOT EXISTS { (n)<-[:POINTS_TO]-(alias:Alias) WHERE alias.name <> 'latest' }
WITH n
ORDER BY n.size_bytes DESC, n.key
// The largest 100: raise LIMIT for more.
LIMIT 100
OPTIONAL MATCH (n)<-[:LOGGED]-(r:Run)
RETURN n.collection + ':v' + n.index AS version,
  n.type AS type,
  n.size_bytes AS size_bytes,
  n.n_files AS n_files,
  coalesce(r.name, r.run, 'no run') AS logged_by,
  datetime({epochMillis: n.created_at / 1000}) AS created_at,
  n.key AS key
ORDER BY size_bytes DESC, key;

// Which versions aliases name.
// Parameters: $keys of the aliases
// Columns: name, version key
// Order: name
// Index: alias_key
UNWIND $keys AS key
MATCH (a:Alias {key: key})-[:POINTS_TO]->(v:Artifact)
RETURN a.name AS name, v.key AS version
ORDER BY name;

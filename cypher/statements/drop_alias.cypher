// Removes aliases.
// Parameters: $rows [key]
// Index: alias_key
UNWIND $rows AS key
MATCH (a:Alias {key: key})
DETACH DELETE a;

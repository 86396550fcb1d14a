// Objects that more than one of a blob, an upload and a tombstone names.
// Parameters: none
// Columns: object
// Order: object
// Index: blob_object, tombstone_object
CALL () {
  MATCH (u:Upload)
  WHERE EXISTS { MATCH (:Blob {object: u.object}) }
    OR EXISTS { MATCH (:Tombstone {object: u.object}) }
  RETURN u.object AS object
  UNION
  MATCH (t:Tombstone)
  WHERE EXISTS { MATCH (:Blob {object: t.object}) }
  RETURN t.object AS object
}
RETURN object
ORDER BY object;

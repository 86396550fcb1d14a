// Runs of a sweep by a number in their summary, highest first; ties go to the earliest. How a leaf
// of a document is found in `summary_values`, and read: columns.py. Whole numbers are compared as
// fractions first, which do not hold their last digits, and then by what is left.
// Parameters: $sweep key, $leaf how the path is found, $end of a leaf, $limit
// Columns: run key, number
// Order: number descending, created_at, key
// Index: sweep_key
MATCH (:Sweep {key: $sweep})<-[:IN_SWEEP]-(r:Run)
WHERE r.state <> 'deleted'
WITH r, split(split(r.summary_values, $leaf)[1], $end)[0] AS leaf
WITH r, CASE left(leaf, 1)
  WHEN 'i' THEN toInteger(substring(leaf, 1))
  WHEN 'f' THEN toFloat(substring(leaf, 1))
END AS value
WHERE value IS NOT NULL
RETURN r.key AS key, value
ORDER BY toFloat(value) DESC, CASE
  WHEN value IS :: INTEGER NOT NULL THEN value - toInteger(toFloat(value))
    - CASE WHEN toFloat(value) >= 9223372036854775808.0 THEN 1 ELSE 0 END
  ELSE 0
END DESC, r.created_at, key
LIMIT $limit;

// Best run of a sweep, and what it logged
// Between the quotes: the key of a sweep, as `key` of its node shows it. Left empty: the newest that
// says what it measures. It goes by the metric and goal of the sweep. Runs without the value are
// left out.
WITH '' AS wanted
CALL (wanted) {
  MATCH (s:Sweep {key: wanted})
  RETURN s
  UNION ALL
  WITH wanted
  WHERE wanted = ''
  MATCH (s:Sweep)
  WHERE s.metric IS NOT NULL AND EXISTS { (s)<-[:IN_SWEEP]-(:Run) }
  RETURN s
  ORDER BY s.created_at DESC, s.key
  LIMIT 1
}
MATCH (s)<-[:IN_SWEEP]-(r:Run)
WHERE r.state <> 'deleted'
// `summary_values` holds every leaf of the summary: a sign, its path, a sign, its kind and value.
WITH s, r,
  split(split(r.summary_values, '\u001e' + s.metric + '\u001f')[1], '\u001e')[0] AS leaf
WITH s, r, CASE left(leaf, 1)
  WHEN 'i' THEN toInteger(substring(leaf, 1))
  WHEN 'f' THEN toFloat(substring(leaf, 1))
END AS value
WHERE value IS NOT NULL
ORDER BY CASE s.goal WHEN 'minimize' THEN value ELSE -1.0 * value END, r.created_at, r.key
// The best 20 runs: raise LIMIT for more.
LIMIT 20
RETURN r.name AS run,
  s.metric AS metric,
  value,
  COLLECT {
    MATCH (r)-[:CONTINUES*0..50]->(:Run)-[:LOGGED]->(v:Artifact)
    RETURN v.collection + ':v' + v.index + CASE v.state WHEN 'deleted' THEN ' (deleted)' ELSE '' END
    ORDER BY v.key
  } AS logged,
  r.config AS config,
  r.state AS state,
  datetime({epochMillis: r.created_at / 1000}) AS started_at,
  r.key AS key;

// Versions whose references do not hold any more: few have this label, and it is asked for all.
CREATE INDEX drifted_key IF NOT EXISTS FOR (n:Drifted) ON (n.key);

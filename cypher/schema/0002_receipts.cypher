// What was deleted, by whom, and what it freed; `Running` until the last of its bytes is gone.
CREATE CONSTRAINT receipt_id IF NOT EXISTS FOR (n:Receipt) REQUIRE n.id IS UNIQUE;
CREATE INDEX receipt_plan IF NOT EXISTS FOR (n:Receipt) ON (n.plan);
CREATE INDEX receipt_time IF NOT EXISTS FOR (n:Receipt) ON (n.deleted_at);

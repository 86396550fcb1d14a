-- What a project guards against: moving these aliases, and deleting what something was made from.
ALTER TABLE project ADD COLUMN protected_aliases TEXT NOT NULL DEFAULT '[]';
ALTER TABLE project ADD COLUMN guards_downstream INTEGER NOT NULL DEFAULT 0;

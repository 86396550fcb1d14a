-- Records that a segment logged content that was there already.
-- Parameters: ?1 segment key, ?2 version key
-- Index: node (key), reproduced (segment_id, version_id)
INSERT INTO reproduced (segment_id, version_id)
VALUES ((SELECT id FROM node WHERE key = ?1), (SELECT id FROM node WHERE key = ?2))
ON CONFLICT (segment_id, version_id) DO NOTHING;

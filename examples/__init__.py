"""Real pipelines, tracked."""

"""The server: REST over the engine, and the composition root that picks its stores."""

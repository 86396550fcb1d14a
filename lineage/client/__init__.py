"""The client: runs, artifacts and questions about them, over HTTP only."""

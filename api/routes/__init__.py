"""Each module here is one noun: its paths, from the request to the engine's verb and back."""

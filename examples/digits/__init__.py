"""Handwritten digits, from raw images to the deletion of the models that lost."""

"""Methods that learn from images and texts."""

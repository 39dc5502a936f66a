"""Stateless tensor functions in `keras.ops`, shared by every package to the left of this one."""

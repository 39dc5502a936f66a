"""Keras layers that two or more methods share."""

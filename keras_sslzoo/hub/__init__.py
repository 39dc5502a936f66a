"""Pretrained weights: the manifest that registers them."""

"""Methods in which a network learns to predict a slowly moving copy of itself."""

"""Methods that fit a latent-variable model by a bound on its likelihood."""

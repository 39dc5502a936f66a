"""Games: a generator against a discriminator."""

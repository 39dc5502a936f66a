"""What methods share that make data from latent vectors `(B, Z)`.

Arithmetic needs no function: latents are NumPy arrays, `model.decode(z[:1] - z[1:2] + z[2:3])`.
"""

import numpy as np
from keras import ops

from keras_sslzoo.ops import latent, random

PATHS = {"lerp": latent.lerp, "slerp": latent.slerp}


class LatentSpace:
    """A method that defines `decode(z, batch_size)`, latents `(N, latent_dim)` to data: NumPy to NumPy."""

    default_path = "lerp"

    def interpolate(self, z1, z2, steps=8, kind=None, batch_size=256):
        """Data along a path from one latent vector to another, both ends among them.

        Args:
            z1, z2: `(Z,)`, or `(N, Z)` for N paths.
            steps: Points on the path.
            kind: "slerp", along the sphere, or "lerp", straight. By default "slerp" where latents have a normal prior,
                whose samples lie near a sphere, and "lerp" for other codes.
            batch_size: Of the decoding.

        Returns:
            NumPy `(steps, ...)`, or `(N, steps, ...)`.
        """
        kind = self.default_path if kind is None else kind
        if kind not in PATHS:
            raise ValueError(f'`kind` must be "slerp" or "lerp". Received: kind={kind!r}.')
        if steps < 2:
            raise ValueError(f"`steps` must be at least 2, the two ends. Received: steps={steps}.")
        z1, z2 = (ops.convert_to_numpy(z) if ops.is_tensor(z) else np.asarray(z) for z in (z1, z2))
        if z1.shape != z2.shape or z1.ndim not in (1, 2) or z1.shape[-1] != self.latent_dim:
            raise ValueError(
                f"`z1` and `z2` must have the same shape, ({self.latent_dim},) or (N, {self.latent_dim}). Received: shapes "
                f"{z1.shape} and {z2.shape}. Encode two samples, or draw them."
            )
        t = np.linspace(0.0, 1.0, steps, dtype="float32")[:, None]
        z = ops.convert_to_numpy(PATHS[kind](z1[..., None, :], z2[..., None, :], t))
        data = self.decode(z.reshape(-1, self.latent_dim), batch_size)
        return data.reshape(*z.shape[:-1], *data.shape[1:])


class LatentPrior(LatentSpace):
    """A method whose latents have the prior N(0, I)."""

    default_path = "slerp"

    def latents(self, n, seed=0):
        """n draws of the prior: NumPy `(n, latent_dim)`, the same for the same seed on every backend, up to rounding."""
        return ops.convert_to_numpy(random.normal(random.Key(seed, 0), "generate", (n, self.latent_dim)))

    def generate(self, n, seed=0, batch_size=256):
        """n samples, decoded from `latents(n, seed)`: NumPy `(n, ...)`; those of the default networks lie in [0, 1]."""
        return self.decode(self.latents(n, seed), batch_size)

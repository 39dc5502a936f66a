"""The files bundled in `keras_sslzoo/assets`, read only when their bytes are the ones that were released."""

import hashlib
from importlib import resources

# Printed by scripts/build_assets.py, which makes these files.
SHA256 = {
    "fashion_mnist_mini.npz": "3545949a3e4d8f2aff892f0d165633550756da93371b5a8daadcfe04b8aeea44",
    "bpe_simple_vocab_16e6.txt.gz": "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a",
    "emoji.webp": "aba8223b218dcf2697aba102cddb571200f7459a70ab33950eb5a88d68c5e71d",
    "emoji.json": "56feb5660383ace716e1e6453bbe2574e7588a678ef4c93c5a32e47abd803fa3",
}


def read_asset(name):
    """The bytes of a bundled file, verified: `read_asset("emoji.json")`."""
    if name not in SHA256:
        raise ValueError(f"Unknown asset. Received: {name!r}. Use one of {sorted(SHA256)}.")
    try:
        data = _folder().joinpath(name).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"The bundled file {name!r} is missing from keras_sslzoo. Reinstall it.") from error
    received = hashlib.sha256(data).hexdigest()
    if received != SHA256[name]:
        raise ValueError(
            f"The bundled file {name!r} is corrupt: its sha256 must be {SHA256[name]}. Received: {received} "
            f"({len(data)} bytes). Reinstall keras_sslzoo."
        )
    return data


def _folder():
    return resources.files("keras_sslzoo").joinpath("assets")

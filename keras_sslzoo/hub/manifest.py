"""The manifest of pretrained weights: `weights_manifest.json`, data only."""

import functools
import json
import pathlib


@functools.cache
def manifest():
    """The manifest as a dict: from the wheel, or from the top of the repository in an editable install."""
    package = pathlib.Path(__file__).resolve().parent.parent
    for folder in (package, package.parent):
        path = folder / "weights_manifest.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    raise FileNotFoundError(
        "`weights_manifest.json` belongs to the installed package. Received: an installation without it. Reinstall "
        "keras-sslzoo."
    )


def list_pretrained(method=None):
    """Names of the pretrained weights, sorted.

    Args:
        method: Name of a method, "SimCLR"; None lists all.
    """
    weights = manifest()["weights"]
    return sorted(name for name, entry in weights.items() if method in (None, entry["origin"].get("method")))

"""The manifest of pretrained weights: `weights_manifest.json`, data only, and its table.

bundled           trained here, in the wheel
available         on the Hub, with the receipt of the upload
conversion-only   somebody else's files, pinned by commit and sha256, that this version does not convert yet
"""

import difflib
import functools
import pathlib
import re

from keras_sslzoo.hub.errors import UnknownWeights
from keras_sslzoo.hub.files import read_json
from keras_sslzoo.hub.layout import validate

COLUMNS = ("name", "status", "method", "network", "data", "MB", "licence", "score")


def manifest_path():
    """Where the manifest is: in the wheel, or at the top of the repository in an editable install."""
    package = pathlib.Path(__file__).resolve().parent.parent
    for folder in (package, package.parent):
        path = folder / "weights_manifest.json"
        if path.is_file():
            return path
    raise FileNotFoundError(
        "`weights_manifest.json` belongs to the installed package. Received: an installation without it. Reinstall "
        "keras-sslzoo."
    )


@functools.cache
def manifest():
    """The installed manifest as a dict."""
    return parse_manifest(manifest_path().read_bytes())


def parse_manifest(data):
    """The dict in the bytes of a manifest, valid by `manifest.schema.json`."""
    found = read_json(data, "weights_manifest.json")
    validate(found, "manifest", "weights_manifest.json")
    return found


class PretrainedList(list):
    """Names of pretrained weights; shown as a table."""

    def rows(self):
        """A tuple of strings for each name, in the order of `COLUMNS`."""
        return [_row(name, manifest()["weights"][name]) for name in self]

    def __repr__(self):
        rows = [COLUMNS, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def list_pretrained(method=None):
    """Names of the pretrained weights in the manifest, sorted; a notebook shows them as a table.

    `from_pretrained` loads those whose status is "bundled" or "available".

    Args:
        method: Name of a method, "SimCLR"; None lists all.
    """
    weights = manifest()["weights"]
    return PretrainedList(sorted(name for name, e in weights.items() if method in (None, e["method"])))


def _row(name, entry):
    megabytes = sum(file["size"] for file in entry["files"]) / 1e6
    metric = next(iter(entry.get("metrics", ())), None)
    score = (
        "" if metric is None else f"{metric['value']:g}{metric.get('unit', '')} {metric['name']} ({metric['source']})"
    )
    data = entry.get("training", {}).get("dataset", "")
    return name, entry["status"], entry["method"], entry["architecture"]["name"], data, f"{megabytes:.1f}", (
        entry["license"]["spdx"]
    ), score  # fmt: skip


def find_entry(name):
    """`(name, entry)` of "name" or "name@1.0"; raises `UnknownWeights` with the nearest names."""
    weights = manifest()["weights"]
    plain, _, version = name.partition("@")
    if plain not in weights:
        near = difflib.get_close_matches(plain, weights, n=3, cutoff=0.3)
        nearest = f" The nearest: {', '.join(near)}." if near else ""
        raise UnknownWeights(
            "There must be weights of this name: one of the manifest, hf://org/repo, or a folder. "
            f"Received: {name!r}.{nearest} `list_pretrained(method=...)` lists them."
        )
    entry = weights[plain]
    if version and version.removeprefix("v") != entry["version"]:
        raise UnknownWeights(
            f"There must be weights of this version. Received: {name!r}. Use {plain}@{entry['version']}, or an older "
            "keras_sslzoo."
        )
    return plain, entry


def is_name(text):
    """Whether a text could be a name of the manifest."""
    return re.fullmatch(r"[a-z0-9]+(?:[_.-][a-z0-9]+)*(?:@v?[0-9]+\.[0-9]+)?", text) is not None

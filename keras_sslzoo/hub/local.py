"""What of the pretrained weights is on this machine: fetching it ahead of time, and hashing it again."""

import os

from keras_sslzoo.hub import layout
from keras_sslzoo.hub.download import Repository
from keras_sslzoo.hub.errors import WeightsCorrupt, WeightsOffline
from keras_sslzoo.hub.files import check
from keras_sslzoo.hub.manifest import find_entry, manifest
from keras_sslzoo.hub.pretrained import Folder, folders, locate


def download(name, revision=None, token=False, accept_license=False):
    """Fetch every part of a name, URL or folder, verified, so that it loads without a network.

    Args:
        name, revision, token, accept_license: See `from_pretrained`.

    Returns:
        Local paths of the files.
    """
    source = locate(name, revision, token=token, accept_license=accept_license)
    config = layout.parse_config(source.config(), str(source))
    return [source.read(p["file"], p["sha256"], p["size"], _hashed) for p in config["parts"].values()]


def verify(name=None):
    """Hash again the files of the manifest's entries that lie in the package, in $SSLZOO_WEIGHTS_DIR or in the cache.

    Args:
        name: Of one entry; None for all.

    Returns:
        Triples (name, path, problem): the problem is None for a file that is right, else what is wrong with it.
    """
    names = sorted(manifest()["weights"]) if name is None else [find_entry(name)[0]]
    found = []
    for name in names:
        entry = manifest()["weights"][name]
        readers = [Folder(folder) for folder in folders(name) if os.path.isdir(folder)]
        for file in entry["files"]:
            paths = [path for place in readers if (path := place.find(file["path"]))]
            for path in paths:
                found.append((name, path, _problem(path, file)))
            if "hub" in entry:
                repository = Repository(entry["hub"]["repo_id"], entry["hub"]["revision"], local_files_only=True)
                try:
                    path = repository.read(file["path"], lambda local: local)
                except WeightsOffline:
                    path = None
                if path is not None:
                    found.append((name, path, _problem(path, file)))
            elif entry["status"] == "bundled" and not paths:
                found.append((name, folders(name)[0] / file["path"], "missing"))
    return found


def _hashed(path, digest, size):
    with open(path, "rb") as file:
        check(file, digest, size, path.name)
    return path


def _problem(path, file):
    try:
        _hashed(path, file["sha256"], file["size"])
    except WeightsCorrupt as error:
        return str(error)
    return None

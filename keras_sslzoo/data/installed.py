"""Finding what is installed: the folder of $SSLZOO_DATA_DIR, and files of Python packages, which are not imported.

A data set that is not there is an error that names the command which installs it; nothing is downloaded in silence.
"""

import hashlib
import os
from importlib import metadata
from pathlib import Path


def data_folder():
    """The folder that SSLZOO_DATA_DIR names, or None where it is not set. Raises FileNotFoundError if there is none."""
    root = os.environ.get("SSLZOO_DATA_DIR")
    if not root:
        return None
    if not Path(root).is_dir():
        raise FileNotFoundError(
            "SSLZOO_DATA_DIR must be a folder, which holds the data sets' folders (`fashion-mnist`, `openmoji`). "
            f"Received: {root!r}. Correct it, or unset it."
        )
    return Path(root)


def package_file(package, path, remedy):
    """The path of a file of an installed Python package: `package_file("mlxtend", "mlxtend/data/x.csv", "Run ...")`.

    Args:
        package: the distribution's name on PyPI.
        path: relative to site-packages.
        remedy: end of the message of the FileNotFoundError, where it is not installed.
    """
    try:
        file = Path(metadata.distribution(package).locate_file(path))
    except metadata.PackageNotFoundError as error:
        raise FileNotFoundError(
            f"The Python package `{package}` must be installed: its files hold this data set. Received: none. {remedy}"
        ) from error
    if not file.is_file():
        raise FileNotFoundError(
            f"The Python package `{package}` must hold {path}. "
            f"Received: version {metadata.version(package)} without it. {remedy}"
        )
    return file


def verify(source, data, digest, remedy):
    """Raise ValueError unless the bytes have this sha256."""
    received = hashlib.sha256(data).hexdigest()
    if received != digest:
        raise ValueError(
            f"{source} must have the released contents, sha256 {digest}. Received: {received}. Reinstall it. {remedy}"
        )

"""Loading and saving pretrained encoders and methods.

name --bundled, SSLZOO_WEIGHTS_DIR, cache, Hub--> files --size, sha256, header--> network of zeros --assignment--> model
"""

import functools
import os
import re
import warnings
from pathlib import Path

from keras_sslzoo.hub import layout
from keras_sslzoo.hub.card import card
from keras_sslzoo.hub.download import Repository
from keras_sslzoo.hub.errors import LicenseNotAccepted, UnknownWeights, WeightsCorrupt, WeightsNotHosted, WeightsOffline
from keras_sslzoo.hub.files import TensorFile, read_bytes
from keras_sslzoo.hub.manifest import find_entry, is_name, manifest

HF = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)(?:@(?P<revision>[^@]+?))?(?:/(?P<folder>[^@]+))?")


def from_pretrained(
    name,
    part="encoder",
    input_shape=None,
    dtype=None,
    trainable=True,
    revision=None,
    local_files_only=False,
    token=False,
    accept_license=False,
):
    """Load a pretrained encoder, or the whole method, on any backend.

    Every byte is verified before use, and nothing of a file runs as code. `encoder.preprocess(images)` resizes and crops
    images as the checkpoint wants.

    Args:
        name: A name of `list_pretrained()` or "name@1.0"; "hf://org/repo[@revision][/subfolder]"; or a folder that
            `save_pretrained` wrote. Names are looked for in the package, in $SSLZOO_WEIGHTS_DIR/name, in the cache, on the
            Hub.
        part: "encoder", a Keras model `(B, H, W, C) -> (B, D)`; or "method", to go on training or to generate.
        input_shape: `(H, W, C)` in place of the stored one, for encoders. Position embeddings are resized as the
            checkpoint's authors do; for another C the first layer's kernel is inflated, see `hub.tensors.inflate_channels`.
        dtype: Policy of the layers, "mixed_bfloat16"; None for the global one.
        trainable: False freezes the model.
        revision: Commit, branch or tag of an hf:// repository.
        local_files_only: Whether to stay off the network.
        token: For gated and private repositories: True for the stored one, or a string. By default none is sent.
        accept_license: True where the licence must be accepted explicitly.

    Returns:
        `keras.Model`, or a `Method` (not compiled).

    Raises:
        WeightsError: one of `keras_sslzoo.hub.errors`; each says what to do.
    """
    if part not in layout.PARTS:
        raise ValueError(f"`part` must be one of {', '.join(layout.PARTS)}. Received: part={part!r}. Use 'encoder'.")
    if input_shape is not None and (part == "method" or len(input_shape) != 3 or type(input_shape[-1]) is not int):
        raise ValueError(
            "`input_shape` must be (H, W, C) of an encoder's images, H and W ints or None. Received: "
            f"input_shape={input_shape!r}, part={part!r}. Pass e.g. (64, 64, 3) with part='encoder'."
        )
    source = locate(name, revision, local_files_only, token, accept_license)
    config = layout.parse_config(source.config(), str(source))
    entry = layout.part_of(config, part, str(source))
    file = source.read(entry["file"], entry["sha256"], entry["size"], TensorFile)
    return layout.load(config, part, file, input_shape, dtype, trainable)


def save_pretrained(model, directory, preprocessing=None, storage="float32"):
    """Write a model as a folder that `from_pretrained` loads: safetensors, `config.json` and a model card.

    Args:
        model: Method (its encoder becomes a part of its own), or functional or Sequential Keras model.
        directory: Folder; made where it is not there.
        preprocessing: `hub.preprocess.Preprocessing`; by default the size of the model's input.
        storage: "float32", or "float16" for kernels of half the size.

    Returns:
        Path of the folder.
    """
    directory = Path(directory)
    config = layout.save(model, directory, preprocessing=preprocessing, storage=storage)
    layout.write(directory / layout.CARD, card(config["name"], config).encode("utf-8"))
    return directory


# ---- where files are ---------------------------------------------------------------------------------------------------


def locate(name, revision=None, local_files_only=False, token=False, accept_license=False):
    """The source of a name, URL or folder: an object with `config()`, its bytes, and `read(path, sha256, size, reader)`."""
    name = os.fspath(name)
    if name.startswith("hf://"):
        return _hub_source(name, revision, local_files_only, token)
    if revision is not None:
        raise ValueError(
            f"`revision` names a commit, branch or tag of an hf:// repository. Received: revision={revision!r} for "
            f"{name!r}. Leave it out, or write hf://org/repo."
        )
    if is_name(name) and (name.partition("@")[0] in manifest()["weights"] or not Path(name).is_dir()):
        return _Entry(*find_entry(name), local_files_only, token, accept_license)
    if not Path(name).is_dir():
        raise UnknownWeights(
            f"`name` must be a name of `list_pretrained()`, hf://org/repo, or a folder. Received: {name!r}, which is none. "
            "Check the spelling."
        )
    return Folder(name)


class Folder:
    """Files of a folder on this machine."""

    def __init__(self, root):
        self.root = Path(root).resolve()

    def __str__(self):
        return str(self.root)

    def find(self, path):
        """The path of a file inside, or None where there is none."""
        found = (self.root / path).resolve()
        if not found.is_relative_to(self.root):
            raise WeightsCorrupt(
                f"Files of a folder must lie in it. Received: {path!r} of {self.root}, which leads to {found}. Refusing to "
                "load it; for a folder of the Hub's cache write hf://org/repo@commit."
            )
        return found if found.is_file() else None

    def read(self, path, digest, size, reader):
        """What `reader` makes of a file inside and of what it should be."""
        found = self.find(path)
        if found is None:
            raise UnknownWeights(f"The folder must hold {path}. Received: {self.root} without it. Check the path.")
        return reader(found, digest, size)

    def config(self):
        """The bytes of the config."""
        return self.read(layout.CONFIG, None, None, read_bytes)


class _Subfolder:
    """A subfolder of a repository of the Hub, unpinned or pinned."""

    def __init__(self, repository, folder):
        self.repository, self.prefix = repository, f"{folder}/" if folder else ""
        self.warns = not repository.pinned

    def __str__(self):
        return f"hf://{self.repository}" + (f"/{self.prefix[:-1]}" if self.prefix else "")

    def config(self):
        self.repository.pin(self.prefix + layout.CONFIG)
        return self.repository.read(self.prefix + layout.CONFIG, read_bytes)

    def read(self, path, digest, size, reader):
        found = self.repository.read(self.prefix + path, lambda local: reader(local, digest, size), size)
        if self.warns:
            warnings.warn(
                f"hf://{self.repository.repo_id} is unpinned: loaded {path} with sha256 {digest[:12]}... from the commit "
                f"{self.repository.revision}. Write hf://{self.repository.repo_id}@{self.repository.revision} to load these "
                "bytes always.",
                stacklevel=3,
            )
        return found


def _hub_source(name, revision, local_files_only, token):
    match = HF.fullmatch(name)
    if match is None:
        raise UnknownWeights(
            f"A repository of the Hub is written hf://org/repo[@revision][/subfolder]. Received: {name!r}. Correct it."
        )
    if revision is not None and match["revision"]:
        raise ValueError(
            f"Give the revision once. Received: {name!r} and revision={revision!r}. Leave one of them out."
        )
    folder = match["folder"] or ""
    if folder and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", folder):
        raise UnknownWeights(f"A subfolder is a relative path of plain names. Received: {folder!r}. Correct it.")
    return _Subfolder(
        Repository(match["repo"], revision or match["revision"] or "main", local_files_only, token), folder
    )


class _Entry:
    """An entry of the manifest: its files in the package, in $SSLZOO_WEIGHTS_DIR, in the cache, or on the Hub."""

    def __init__(self, name, entry, local_files_only, token, accept_license):
        _check_status(name, entry)
        _check_licence(name, entry, accept_license)
        self.name, self.entry = name, entry
        self.declared = {file["path"]: file for file in entry["files"]}
        self.places = [Folder(folder) for folder in folders(name)]
        hub = entry.get("hub")
        self.repository = hub and Repository(
            hub["repo_id"], hub["revision"], local_files_only, token if hub.get("gated") else False
        )

    def __str__(self):
        return self.name

    def config(self):
        declared = self.declared[layout.CONFIG]
        return self.read(layout.CONFIG, declared["sha256"], declared["size"], read_bytes)

    def read(self, path, digest, size, reader):
        if self.declared.get(path, {}).get("sha256") != digest:
            raise WeightsCorrupt(
                f"A config and the manifest must name the same files. Received: {path} of {self.name}, which differ. "
                "Refusing to load it; reinstall keras_sslzoo."
            )
        for place in self.places:
            found = place.find(path)
            if found is not None:
                return reader(found, digest, size)
        if self.repository is None:
            raise WeightsOffline(
                f"{path} of {self.name} must be on this machine. Received: none in {', '.join(map(str, self.places))}. "
                "Reinstall keras_sslzoo, or set SSLZOO_WEIGHTS_DIR to a folder that holds it."
            )
        return self.repository.read(path, lambda local: reader(local, digest, size), size)


def bundled_folder(name):
    """Where the package keeps the files of an entry."""
    return Path(__file__).resolve().parent.parent / "assets" / "weights" / name


def folders(name):
    """The folders that may hold an entry's files, the first that does is taken."""
    found = [bundled_folder(name)]
    if os.environ.get("SSLZOO_WEIGHTS_DIR"):
        found.append(Path(os.environ["SSLZOO_WEIGHTS_DIR"]) / name)
    return found


def _check_status(name, entry):
    if entry["status"] in ("bundled", "available"):
        return
    if entry["status"] == "conversion-only":
        hub, licence = entry["hub"], entry["license"]
        use = "commercial use allowed" if licence["commercial_use"] else "no commercial use"
        raise WeightsNotHosted(
            f"{name} must be in keras_sslzoo's layout to be loaded. Received: an entry of third-party files in the layout "
            f"{entry['layout']!r}, which this version does not convert yet. They are "
            f"hf://{hub['repo_id']}@{hub['revision']} ({licence['spdx']}, {use})."
        )
    instead = f" Use {entry['superseded_by']!r}." if "superseded_by" in entry else ""
    raise WeightsNotHosted(f"{name} is {entry['status']}. Received: {entry.get('message', 'no reason')}.{instead}")


def _check_licence(name, entry, accepted):
    licence = entry["license"]
    where = f" ({licence['url']})" if "url" in licence else ""
    if licence.get("requires_acceptance") and not accepted:
        raise LicenseNotAccepted(
            f"{name} is under {licence['spdx']}{where}, which must be accepted. Received: accept_license=False. Read "
            "it, and pass accept_license=True."
        )
    if not licence["commercial_use"]:
        _warn_once(f"{name} is under {licence['spdx']}{where}: no commercial use.")


@functools.cache
def _warn_once(text):
    warnings.warn(text, UserWarning, stacklevel=5)

"""Sharing: one's own model, or the bundled entries of the zoo with receipts in the manifest."""

import datetime
import json
import shutil
import tempfile
from pathlib import Path

from keras_sslzoo.hub import layout
from keras_sslzoo.hub.card import card
from keras_sslzoo.hub.download import REPOSITORY
from keras_sslzoo.hub.errors import UnknownWeights, WeightsError
from keras_sslzoo.hub.files import read_bytes, sha256
from keras_sslzoo.hub.manifest import parse_manifest
from keras_sslzoo.hub.pretrained import bundled_folder, save_pretrained


def push_to_hub(model, repo_id, private=False, token=None, **options):
    """Save a model and upload it to the Hugging Face Hub; the repository is made where it is not there.

    Args:
        model: See `save_pretrained`.
        repo_id: "org/name".
        private: Whether a new repository is private.
        token: With the right to write; by default the one that `hf auth login` stored.
        **options: Of `save_pretrained`.

    Returns:
        `"hf://org/name@commit"`, what `from_pretrained` takes to load these bytes.
    """
    check_repository(repo_id)
    with tempfile.TemporaryDirectory() as folder:
        folder = save_pretrained(model, Path(folder) / repo_id.partition("/")[2], **options)
        return f"hf://{repo_id}@{_upload(folder, repo_id, private, token)}"


def check_repository(repo_id):
    """Raise unless a text is org/name."""
    if not REPOSITORY.fullmatch(repo_id):
        raise UnknownWeights(f"A repository of the Hub is written org/name. Received: {repo_id!r}. Correct it.")


def _upload(folder, repo_id, private, token):
    """Upload a folder; returns the commit."""
    import huggingface_hub

    api = huggingface_hub.HfApi(token=token, library_name="keras_sslzoo")
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repo_id, folder_path=folder, commit_message="keras_sslzoo weights")
    except Exception as error:  # transport errors of the HTTP library come through as they are
        raise WeightsError(
            f"Uploading needs a token that may write to {repo_id}, and a network. Received: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}. Run `hf auth login`, or pass token=."
        ) from error
    return commit.oid


def plan(manifest, org):
    """What `publish` would upload: pairs (name, "org/sslzoo-name") of bundled entries without a receipt for these bytes."""
    found = []
    for name, entry in manifest["weights"].items():
        uploaded = entry.get("receipt", {}).get("sha256")
        if entry["status"] == "bundled" and uploaded != {f["path"]: f["sha256"] for f in entry["files"]}:
            check_repository(f"{org}/sslzoo-{name}")
            found.append((name, f"{org}/sslzoo-{name}"))
    return found


def publish(manifest_path, org, token=None, private=False):
    """Upload every bundled entry with its card, tag it, and write the receipts into the manifest.

    Entries whose bytes have a receipt are left out, so that a stopped run can be repeated.

    Args:
        manifest_path: Of the `weights_manifest.json` to read and to write.
        org: User or organisation of the Hub.
        token, private: See `push_to_hub`.

    Returns:
        Dict from name to receipt.
    """
    import huggingface_hub

    manifest_path = Path(manifest_path)
    manifest = parse_manifest(manifest_path.read_bytes())
    receipts = {}
    for name, repo_id in plan(manifest, org):
        entry = manifest["weights"][name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / name
            folder.mkdir()
            for file in entry["files"]:
                path = bundled_folder(name) / file["path"]
                if sha256(path) != file["sha256"]:
                    raise WeightsError(
                        f"Bundled files must be those of the manifest. Received: another {path}. Train the entry again, or "
                        "restore the file."
                    )
                shutil.copy(path, folder / file["path"])
            config = layout.parse_config(read_bytes(folder / layout.CONFIG), name)
            (folder / layout.CARD).write_text(card(name, config, entry, repo_id), encoding="utf-8")
            commit = _upload(folder, repo_id, private, token)
        tag = f"v{entry['version']}"
        huggingface_hub.HfApi(token=token).create_tag(repo_id, tag=tag, revision=commit, exist_ok=True)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        receipts[name] = {
            "repo_id": repo_id,
            "revision": commit,
            "date": today,
            "sha256": {file["path"]: file["sha256"] for file in entry["files"]},
        }
        entry |= {"hub": {"repo_id": repo_id, "revision": commit, "tag": tag}, "receipt": receipts[name]}
        write_manifest(manifest_path, manifest)  # at once: an upload without its receipt would be made again
    return receipts


def write_manifest(path, manifest):
    """Write a manifest if it is valid, its entries sorted."""
    ordered = {**manifest, "weights": dict(sorted(manifest["weights"].items()))}
    data = (json.dumps(ordered, indent=2) + "\n").encode()
    parse_manifest(data)
    layout.write(Path(path), data)

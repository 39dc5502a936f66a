"""Files of the Hugging Face Hub: fetched by huggingface_hub into its cache, and believed only when their bytes are right.

    cached and right --> no request
    else             --> probe (size, ETag, commit; fails at once without a network) --> download --> sha256
                     --> wrong: once more --> wrong again: removed from the cache and refused

huggingface_hub compares sizes only, and takes 23 seconds to find out that there is no network.
"""

import os
import re
import urllib.parse
from pathlib import Path

from keras_sslzoo.hub.errors import UnknownWeights, WeightsCorrupt, WeightsError, WeightsGated, WeightsOffline
from keras_sslzoo.hub.files import LARGEST_JSON

REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")
ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # of git and of LFS: it becomes a file's name in the cache
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
CONNECT_SECONDS = 1.5  # until a machine without a network is told so; HF_HUB_ETAG_TIMEOUT overrides it
PUBLIC_HUB = "https://huggingface.co"


class Repository:
    """One revision of a repository.

    Args:
        repo_id: "org/name".
        revision: Commit, branch or tag.
        local_files_only: Whether to look in the cache alone.
        token: False sends none; a string, or True for the one that `hf auth login` stored.
    """

    def __init__(self, repo_id, revision="main", local_files_only=False, token=False):
        for what, text, pattern in (("repository", repo_id, REPOSITORY), ("revision", revision, REVISION)):
            if not pattern.fullmatch(text) or ".." in text or "--" in text:
                raise UnknownWeights(
                    f"A {what} of the Hub is written org/name, and its revision as a commit, branch or tag. Received: the "
                    f"{what} {text!r}. Write hf://org/name@revision."
                )
        self.repo_id, self.revision, self.token = repo_id, revision, token
        self.local_files_only = local_files_only
        self.pinned = COMMIT.fullmatch(revision) is not None
        if token:
            _check_token_host(token)

    def __str__(self):
        return f"{self.repo_id}@{self.revision[:12]}"

    def pin(self, path):
        """Replace a branch or tag by the commit where it stands now, or where it stood when it was last cached."""
        if self.pinned:
            return
        try:
            if self.local_files_only:
                raise self._offline(path, "local_files_only=True")
            self._probe(path, None)
            found = self._download(path, force=False)  # by the branch's name: the cache remembers where it stood
        except WeightsOffline:
            found = _cached(self.repo_id, path, self.revision)
            if found is None:
                raise
        self.revision = next(part for part in reversed(found.parent.parts) if COMMIT.fullmatch(part))

    def read(self, path, reader, size=None):
        """What `reader` makes of a file; where it raises `WeightsCorrupt`, the file is fetched again.

        Args:
            path: In the repository.
            reader: Function of the local path.
            size: Bytes that the file must have; None for a small file.
        """
        cached = _cached(self.repo_id, path, self.revision)
        if cached is not None:
            try:
                return reader(cached)
            except WeightsCorrupt:
                if self.local_files_only:
                    raise
        if self.local_files_only:
            raise self._offline(path, "local_files_only=True")
        for force in (cached is not None, True):
            self._probe(path, size)
            try:
                return reader(self._download(path, force))
            except WeightsCorrupt as error:
                wrong = error
        self._remove(path)
        raise WeightsCorrupt(f"{wrong} It was downloaded twice from {self}, and removed from the cache.") from wrong

    def _probe(self, path, size):
        """Metadata of a file, once and quickly; raises what a download would run into."""
        import huggingface_hub

        if huggingface_hub.constants.HF_HUB_OFFLINE:
            raise self._offline(path, "HF_HUB_OFFLINE=1")
        url = huggingface_hub.hf_hub_url(self.repo_id, path, revision=self.revision)
        seconds = float(os.environ.get("HF_HUB_ETAG_TIMEOUT", CONNECT_SECONDS))
        try:
            found = huggingface_hub.get_hf_file_metadata(url, token=self.token, timeout=seconds)
        except Exception as error:  # transport errors of the HTTP library come through as they are
            raise self._explained(error, path) from error
        if not ETAG.fullmatch(found.etag or "") or not COMMIT.fullmatch(found.commit_hash or ""):
            raise WeightsCorrupt(
                f"The Hub must name a file by hashes. Received: the ETag {str(found.etag)[:80]!r} and the commit "
                f"{str(found.commit_hash)[:80]!r} for {path} of {self}. Refusing to load it; check HF_ENDPOINT."
            )
        if (size is None and (found.size or 0) > LARGEST_JSON) or (size is not None and found.size not in (None, size)):
            expected = f"at most {LARGEST_JSON:,}" if size is None else f"{size:,}"
            raise WeightsCorrupt(
                f"{path} must have {expected} bytes. Received: {found.size:,} at {self}. Refusing to load it."
            )
        return found

    def _download(self, path, force):
        import huggingface_hub

        try:
            found = huggingface_hub.hf_hub_download(
                self.repo_id,
                path,
                revision=self.revision,
                token=self.token,
                force_download=force,
                library_name="keras_sslzoo",
            )
        except OSError as error:
            if "Consistency check" in str(error):
                raise WeightsCorrupt(
                    f"{path} must arrive whole. Received: {_short(error)}. Refusing to load it."
                ) from error
            raise self._explained(error, path) from error
        except Exception as error:
            raise self._explained(error, path) from error
        if not _in_cache(Path(found)):
            raise WeightsCorrupt(
                f"A file must lie in the cache. Received: {found}. Refusing to load it; check HF_ENDPOINT."
            )
        return Path(found)

    def _remove(self, path):
        cached = _cached(self.repo_id, path, self.revision)
        if cached is not None and _in_cache(cached):
            cached.resolve().unlink(missing_ok=True)
            cached.unlink(missing_ok=True)

    def _offline(self, path, reason):
        import huggingface_hub

        return WeightsOffline(
            f"{path} of {self} must be on this machine or downloadable. Received: neither ({reason}); the cache is "
            f"{huggingface_hub.constants.HF_HUB_CACHE}. Where there is a network, run `sslzoo download hf://{self.repo_id}@"
            f"{self.revision}`, and copy the cache, or put the files in a folder and load that."
        )

    def _explained(self, error, path):
        from huggingface_hub import errors

        if isinstance(error, WeightsError):
            return error
        if isinstance(error, errors.GatedRepoError) or (
            getattr(error, "response", None) is not None
            and (error.response.status_code in (401, 403) and not isinstance(error, errors.RepositoryNotFoundError))
        ):
            return WeightsGated(
                f"{self.repo_id} wants an account that has accepted its conditions. Received: "
                f"{'a token that may not read it' if self.token else 'no token'}. Accept them at "
                f"{PUBLIC_HUB}/{self.repo_id}, run `hf auth login`, and pass token=True."
            )  # fmt: skip
        for kind, what in (
            (errors.RepositoryNotFoundError, "repository, or it is private: then pass token=True"),
            (errors.RevisionNotFoundError, "revision"),
            (errors.RemoteEntryNotFoundError, "file"),
        ):
            if isinstance(error, kind):
                return UnknownWeights(
                    f"{path} of {self} must exist on the Hub. Received: no such {what}. Check the spelling."
                )
        return self._offline(path, f"{type(error).__name__}: {_short(error)}")


def _check_token_host(token):
    """A stored token goes to the public Hub, one that is passed to the endpoint; never in clear over a network."""
    from huggingface_hub import constants

    host = urllib.parse.urlsplit(constants.ENDPOINT)
    local = host.hostname in ("localhost", "127.0.0.1", "::1")
    if not local and (host.scheme != "https" or (token is True and constants.ENDPOINT.rstrip("/") != PUBLIC_HUB)):
        raise WeightsGated(
            f"A stored token is sent to {PUBLIC_HUB} alone, and none is sent without https. Received: "
            f"HF_ENDPOINT={constants.ENDPOINT}. Pass the token for that host as a string, or unset HF_ENDPOINT."
        )


def _cached(repo_id, path, revision):
    """Where the cache has a file of a revision, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo_id, path, revision=revision)
    return Path(found) if isinstance(found, str) else None


def _in_cache(path):
    from huggingface_hub import constants

    return path.resolve().is_relative_to(Path(constants.HF_HUB_CACHE).resolve())


def _short(error):
    return " ".join(str(error).split())[:200]

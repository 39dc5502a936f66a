"""A small Hugging Face Hub on loopback: what huggingface_hub asks for, and the faults that a test orders.

    with LocalHub() as hub:
        commit = hub.add("org/name", {"config.json": b"...", "encoder.safetensors": b"..."})
        hub.fault("encoder.safetensors", corrupt=1)

Small files answer with 307 to another path of the same host, weights with 302 to a "CDN": the same server under another
host name, so that a token must not follow. Requests are kept in `hub.requests` as (method, path, headers).
"""

import base64
import hashlib
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalHub:
    def __init__(self):
        self.repos = {}  # "org/name" -> {"commits": {sha: {path: bytes}}, "refs": {name: sha}, "gated": bool}
        self.objects = {}  # LFS: sha256 -> bytes
        self.faults = {}  # path -> {fault: how many more times}
        self.requests = []
        self.lock = threading.Lock()
        hub = self

        class Handler(_Handler):
            pass

        Handler.hub = hub
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def add(self, repo, files, gated=False, ref="main"):
        """Commit these files; returns the commit."""
        commit = hashlib.sha1(repr((repo, sorted(files.items()), len(self.repos.get(repo, ())))).encode()).hexdigest()
        entry = self.repos.setdefault(repo, {"commits": {}, "refs": {}, "gated": gated})
        entry["commits"][commit] = dict(files)
        entry["refs"][ref] = commit
        return commit

    def fault(self, path, **faults):
        """Order faults for a file: corrupt, truncate, short, status500, etag, slow; each for so many requests."""
        self.faults[path] = faults

    def take(self, path, fault):
        """Whether this request gets the fault."""
        with self.lock:
            left = self.faults.get(path, {}).get(fault, 0)
            if left:
                self.faults[path][fault] = left - 1
            return left > 0

    def count(self, method, ending=""):
        return sum(m == method and path.endswith(ending) for m, path, _ in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None, send=True):
        self.send_response(status)
        headers = {"Content-Length": str(len(body)), **(headers or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if send and self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, data, status=200):
        self.answer(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def error(self, status, code):
        self.answer(status, b"", {"X-Error-Code": code, "X-Error-Message": code})

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append((self.command, path, headers))
        for pattern, method in self.routes:
            match = re.fullmatch(pattern, path)
            if match:
                return method(self, **match.groupdict())
        return self.error(404, "RepoNotFound")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

    # ---- reading -----------------------------------------------------------------------------------------------------

    def resolve(self, repo, revision, file):
        entry = self.hub.repos.get(repo)
        if entry is None:
            return self.error(404, "RepoNotFound")
        if entry["gated"] and "Authorization" not in self.headers:
            return self.error(403, "GatedRepo")
        commit = entry["refs"].get(revision, revision)
        if commit not in entry["commits"]:
            return self.error(404, "RevisionNotFound")
        data = entry["commits"][commit].get(file)
        if data is None:
            return self.error(404, "EntryNotFound")
        if self.command == "HEAD" and self.hub.take(file, "slow"):
            time.sleep(5)
        sha = hashlib.sha256(data).hexdigest()
        size = len(data) + 1 if self.hub.take(file, "size") else len(data)
        common = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if file.endswith(".safetensors"):
            etag = "../../../escaped" if self.hub.take(file, "etag") else sha
            common |= {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(size), "ETag": f'"{etag[:40]}"'}
            location = f"http://localhost:{self.hub.port}/cdn/{repo}/{commit}/{file}"
            return self.answer(302, b"", {**common, "Location": location})
        location = f"/api/resolve-cache/models/{repo}/{commit}/{file}"
        return self.answer(307, b"", {**common, "ETag": f'"{sha}"', "Location": location})

    def content(self, repo, commit, file):
        data = self.hub.repos[repo]["commits"][commit][file]
        etag = "../../../escaped" if self.hub.take(file, "etag") else hashlib.sha256(data).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if self.command == "GET":
            if self.hub.take(file, "status500"):
                return self.error(500, "Internal")
            if self.hub.take(file, "corrupt"):
                data = data[:-1] + bytes([data[-1] ^ 1])
            if self.hub.take(file, "short"):
                data = data[:-7]
        start = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        status, total = 200, len(data)
        if start:
            first = int(start[1])
            headers["Content-Range"] = f"bytes {first}-{total - 1}/{total}"
            data, status = data[first:], 206
        if self.command == "GET" and self.hub.take(file, "truncate"):
            self.answer(status, b"", {**headers, "Content-Length": str(len(data))})
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return None
        return self.answer(status, data, headers)

    def revision(self, repo, revision):
        entry = self.hub.repos.get(repo)
        if entry is None:
            return self.error(404, "RepoNotFound")
        commit = entry["refs"].get(revision, revision)
        files = [{"rfilename": name} for name in entry["commits"][commit]]
        return self.answer_json({"_id": "0", "id": repo, "sha": commit, "siblings": files, "private": False})

    # ---- writing -----------------------------------------------------------------------------------------------------

    def create(self):
        data = json.loads(self.body())
        repo = f"{data['organization']}/{data['name']}" if data.get("organization") else f"me/{data['name']}"
        if repo in self.hub.repos:
            return self.answer_json({"error": "exists", "url": f"{self.hub.url}/{repo}"}, 409)
        self.hub.add(repo, {})
        return self.answer_json({"url": f"{self.hub.url}/{repo}"})

    def preupload(self, repo, revision):
        files = json.loads(self.body())["files"]
        answers = [
            {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(".safetensors") else "regular"} for f in files
        ]
        return self.answer_json({"files": [{**a, "shouldIgnore": False} for a in answers]})

    def lfs_batch(self, repo):
        objects = json.loads(self.body())["objects"]
        for entry in objects:
            entry["actions"] = {"upload": {"href": f"{self.hub.url}/lfs/{entry['oid']}"}}
        return self.answer_json({"transfer": "basic", "objects": objects})

    def lfs_put(self, oid):
        data = self.body()
        if hashlib.sha256(data).hexdigest() != oid:
            return self.error(400, "BadObject")
        self.hub.objects[oid] = data
        return self.answer(200)

    def commit(self, repo, revision):
        files = dict(self.hub.repos[repo]["commits"][self.hub.repos[repo]["refs"][revision]])
        for line in self.body().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                files[entry["value"]["path"]] = self.hub.objects[entry["value"]["oid"]]
        commit = self.hub.add(repo, files, ref=revision)
        return self.answer_json({"commitOid": commit, "commitUrl": f"{self.hub.url}/{repo}/commit/{commit}"})

    def tag(self, repo, revision):
        tag = json.loads(self.body())["tag"]
        self.hub.repos[repo]["refs"][tag] = self.hub.repos[repo]["refs"].get(revision, revision)
        return self.answer_json({})

    def validate_yaml(self):
        self.body()
        return self.answer_json({"errors": [], "warnings": []})

    _repo = r"(?P<repo>[^/]+/[^/]+)"
    routes = (
        (rf"/{_repo}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", resolve),
        (rf"/cdn/{_repo}/(?P<commit>\w+)/(?P<file>.+)", content),
        (rf"/api/resolve-cache/models/{_repo}/(?P<commit>\w+)/(?P<file>.+)", content),
        (rf"/api/models/{_repo}/revision/(?P<revision>.+)", revision),
        (r"/api/repos/create", create),
        (r"/api/validate-yaml", validate_yaml),
        (rf"/api/models/{_repo}/preupload/(?P<revision>.+)", preupload),
        (rf"/{_repo}\.git/info/lfs/objects/batch", lfs_batch),
        (r"/lfs/(?P<oid>\w+)", lfs_put),
        (rf"/api/models/{_repo}/commit/(?P<revision>.+)", commit),
        (rf"/api/models/{_repo}/tag/(?P<revision>.+)", tag),
    )

"""A Hugging Face Hub on loopback that keeps one repository, serves it again, and fails where told to."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

import pytest

TOKEN = "hf_loopback"
LARGE = (".safetensors", ".parquet")  # what goes the way of large files


class Handler(BaseHTTPRequestHandler):
    """The routes of create_repo, upload_folder, hf_hub_download and of `datasets`."""

    server: "Hub"

    def answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def fails(self) -> bool:
        """Answer with the failure that this request's route is to have, if any.

        None: hang up. A text: a page of a proxy, and no JSON.
        """
        failures = self.server.failures
        route = next((key for key in failures if fnmatchcase(f"{self.command} {self.path}", key)), None)
        if route is None:
            return False
        status = failures[route].pop(0)
        if not failures[route]:
            del failures[route]
        if status == 0:
            return False
        self.body()
        if status is None:
            self.connection.close()
        elif isinstance(status, str):
            self.send_response(200)
            self.send_header("Content-Length", str(len(status)))
            self.end_headers()
            self.wfile.write(status.encode())
        else:
            self.answer({"error": f"failure {status}"}, status)
        return True

    def allowed(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    @property
    def files(self) -> dict[str, bytes]:
        """Those of the repository that the path names."""
        others = self.server.others
        return next((files for name, files in others.items() if f"/{name}/" in self.path), self.server.files)

    def do_GET(self) -> None:
        if self.fails():
            return
        if not self.allowed():
            return self.answer({"error": "Invalid token."}, 401)
        path, files = self.path.partition("?")[0], self.files
        if "/resolve/" in path:
            name = path.partition("/resolve/")[2].partition("/")[2]
            if name not in files:
                return self.missing()
            content = files[name]
            first, last = 0, len(content) - 1
            if wanted := self.headers.get("Range"):
                low, _, high = wanted.removeprefix("bytes=").partition("-")
                first, last = int(low), min(int(high or last), last)
            self.send_response(206 if wanted else 200)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", self.server.sha)
            self.send_header("Content-Length", str(last - first + 1))
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[first : last + 1])
        elif "/tree/" in path:
            folder = path.partition("/tree/")[2].partition("/")[2]
            inside = {name for name in files if not folder or name.startswith(f"{folder}/")}
            if folder and not inside:
                return self.missing()
            depth = folder.count("/") + 1 if folder else 0
            if "recursive=True" in self.path or "recursive=true" in self.path:
                folders = {name.rpartition("/")[0] for name in inside} - {"", folder}
            else:
                folders = {"/".join(n.split("/")[: depth + 1]) for n in inside if n.count("/") > depth}
                inside = {n for n in inside if n.count("/") == depth}
            self.answer([*map(self.entry, sorted(folders)), *map(self.entry, sorted(inside))])
        elif path.startswith(("/api/datasets/", "/api/models/")):
            siblings = [{"rfilename": name} for name in sorted(files)]
            name = "/".join(path.split("/")[3:5])
            self.answer(
                {"id": name, "sha": self.server.sha, "siblings": siblings, "private": False, "tags": []}
            )
        else:
            self.missing()

    do_HEAD = do_GET

    def missing(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def entry(self, name: str) -> dict[str, Any]:
        content = self.files.get(name)
        if content is None:
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "oid": oid, "size": len(content), "path": name}

    def do_POST(self) -> None:
        if self.fails():
            return
        content = self.body()
        if not self.allowed():
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            asked = json.loads(content)
            owner = asked.get("organization") or "me"
            self.answer(
                {"url": f"{self.server.address}/{owner}/{asked['name']}", "id": f"{owner}/{asked['name']}"}
            )
        elif self.path == "/api/validate-yaml":
            self.server.validated.append(json.loads(content)["content"])
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(content)["files"]
            modes = ("lfs" if f["path"].endswith(LARGE) else "regular" for f in files)
            self.answer(
                {
                    "files": [
                        {**f, "uploadMode": m, "shouldIgnore": False}
                        for f, m in zip(files, modes, strict=True)
                    ]
                }
            )
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                o  # without an action where it is there already
                if o["oid"] in self.server.objects
                else {**o, "actions": {"upload": {"href": f"{self.server.address}/lfs/{o['oid']}"}}}
                for o in json.loads(content)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        elif "/paths-info/" in self.path:
            self.answer([self.entry(name) for name in json.loads(content)["paths"] if name in self.files])
        elif "/commit/" in self.path:
            self.commit(content)
        else:
            self.answer({"error": f"no route {self.path}"}, 404)

    def commit(self, content: bytes) -> None:
        hub = self.server
        for line in content.decode().splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                hub.files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                hub.files[value["path"]] = hub.objects[value["oid"]]
            elif part["key"] == "deletedFile":
                del hub.files[value["path"]]
        hub.commits += 1
        kind, owner, name = self.path.split("/")[2:5]
        at = f"{hub.address}/{'datasets/' if kind == 'datasets' else ''}{owner}/{name}"
        pull = {"pullRequestUrl": f"{at}/discussions/1"} if "create_pr=1" in self.path else {}
        self.answer({"commitUrl": f"{at}/commit/{hub.sha}", "commitOid": hub.sha, **pull})

    def do_PUT(self) -> None:
        if not self.fails():
            content = self.body()
            self.server.sent += 1
            self.server.objects[hashlib.sha256(content).hexdigest()] = content
            self.answer({})

    def log_message(self, *_: Any) -> None:
        return None


class Hub(ThreadingHTTPServer):
    """`with Hub() as hub:` serves at hub.address until the end of the block.

    files: path -> content of what was committed. others: further repositories, which are only read.
    validated: the cards that were sent to be validated. failures: a pattern of `METHOD PATH` -> the next
    failures there; see `Handler.fails`.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.others: dict[str, dict[str, bytes]] = {}
        self.objects: dict[str, bytes] = {}
        self.validated: list[str] = []
        self.sent = 0  # large files
        self.commits = 0
        self.failures: dict[str, list[int | str | None]] = {}

    @property
    def sha(self) -> str:
        return f"{self.commits:040d}"

    def __enter__(self) -> "Hub":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()


@contextmanager
def loopback_hub(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """A Hub that huggingface_hub takes for the Hub, with a token of it in the environment."""
    from huggingface_hub import constants

    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
        yield hub

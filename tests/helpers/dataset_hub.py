"""A Hub on loopback that keeps one dataset repository, serves it again, and fails where it is told to."""

import base64
import hashlib
import json
from fnmatch import fnmatchcase
from typing import Any

from tests.helpers.model_hub import TOKEN, Handler, ModelHub


class DatasetHandler(Handler):
    """Adds what reading needs: info, tree, paths-info and resolve."""

    server: "DatasetHub"

    def fails(self) -> bool:
        """Answer with the failure that this request's route is to have, if any; None: hang up."""
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
        else:
            self.answer({"error": f"failure {status}"}, status)
        return True

    def do_GET(self) -> None:
        if self.fails():
            return
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer({"error": "Invalid token."}, 401)
        hub, path = self.server, self.path.partition("?")[0]
        sha = hub.sha
        if "/resolve/" in path:
            name = path.partition("/resolve/")[2].partition("/")[2]
            if name not in hub.files:
                return self.missing()
            content = hub.files[name]
            first, last = 0, len(content) - 1
            if wanted := self.headers.get("Range"):
                low, _, high = wanted.removeprefix("bytes=").partition("-")
                first, last = int(low), min(int(high or last), last)
            self.send_response(206 if wanted else 200)
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", sha)
            self.send_header("Content-Length", str(last - first + 1))
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[first : last + 1])
        elif "/tree/" in path:
            folder = path.partition("/tree/")[2].partition("/")[2]
            inside = {name for name in hub.files if not folder or name.startswith(f"{folder}/")}
            if folder and not inside:
                return self.missing()
            depth = folder.count("/") + 1 if folder else 0
            if "recursive=True" in self.path or "recursive=true" in self.path:
                folders = {name.rpartition("/")[0] for name in inside} - {"", folder}
            else:
                folders = {"/".join(n.split("/")[: depth + 1]) for n in inside if n.count("/") > depth}
                inside = {n for n in inside if n.count("/") == depth}
            self.answer([*map(self.entry, sorted(folders)), *map(self.entry, sorted(inside))])
        elif path.startswith("/api/datasets/me/x"):
            siblings = [{"rfilename": name} for name in sorted(hub.files)]
            self.answer({"id": "me/x", "sha": sha, "siblings": siblings, "private": False, "tags": []})
        else:
            self.missing()

    do_HEAD = do_GET

    def missing(self) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def entry(self, name: str) -> dict[str, Any]:
        content = self.server.files.get(name)
        if content is None:
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "oid": oid, "size": len(content), "path": name}

    def do_POST(self) -> None:
        if self.fails():
            return
        if "/paths-info/" in self.path:
            names = json.loads(self.body())["paths"]
            return self.answer([self.entry(name) for name in names if name in self.server.files])
        if "/commit/" not in self.path:
            return super().do_POST()
        pull = "create_pr=1" in self.path
        for line in self.body().decode().splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                self.server.files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                self.server.files[value["path"]] = self.server.objects[value["oid"]]
            elif part["key"] == "deletedFile":
                del self.server.files[value["path"]]
        self.server.commits += 1
        at = self.server.address
        self.answer(
            {"commitUrl": f"{at}/datasets/me/x/commit/{self.server.sha}", "commitOid": self.server.sha}
            | ({"pullRequestUrl": f"{at}/datasets/me/x/discussions/1"} if pull else {})
        )

    def do_PUT(self) -> None:
        if not self.fails():
            super().do_PUT()


class DatasetHub(ModelHub):
    """failures: a pattern of `METHOD PATH` -> the next statuses there: 0 is no failure, None hangs up."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = DatasetHandler
        self.commits = 0
        self.failures: dict[str, list[int | None]] = {}

    @property
    def sha(self) -> str:
        return f"{self.commits:040d}"

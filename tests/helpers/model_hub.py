"""A Hugging Face Hub on loopback, as small as pushing a model needs: it keeps what is uploaded."""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

TOKEN = "hf_loopback"
LARGE = (".safetensors", ".parquet")  # what goes the way of large files


class Handler(BaseHTTPRequestHandler):
    """The routes of create_repo and upload_folder (huggingface_hub 1.x) for repositories of models."""

    server: "ModelHub"

    def answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        self.answer(
            *(
                ({"id": "me/x", "sha": "0" * 40, "siblings": []}, 200)
                if known
                else ({"error": "Invalid token."}, 401)
            )
        )

    def do_POST(self) -> None:
        content = self.body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            name = json.loads(content)["name"]
            self.answer({"url": f"{self.server.address}/me/{name}", "id": f"me/{name}"})
        elif self.path == "/api/validate-yaml":
            self.server.validated.append(json.loads(content)["content"])
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(content)["files"]
            large = [
                {"path": f["path"], "uploadMode": "lfs" if f["path"].endswith(LARGE) else "regular"}
                for f in files
            ]
            self.answer({"files": [{**f, "shouldIgnore": False} for f in large]})
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**o, "actions": {"upload": {"href": f"{self.server.address}/lfs/{o['oid']}"}}}
                for o in json.loads(content)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        elif "/commit/" in self.path:
            for line in content.decode().splitlines():
                part = json.loads(line)
                if part["key"] == "file":
                    self.server.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
                elif part["key"] == "lfsFile":
                    self.server.files[part["value"]["path"]] = self.server.objects[part["value"]["oid"]]
            self.answer(
                {"commitUrl": f"{self.server.address}/me/x/commit/1", "commitOid": "1" * 40, "success": True}
            )
        else:
            self.answer({"error": f"no route {self.path}"}, 404)

    def do_PUT(self) -> None:
        content = self.body()
        self.server.objects[hashlib.sha256(content).hexdigest()] = content
        self.answer({})

    def log_message(self, *_: Any) -> None:
        return None


class ModelHub(ThreadingHTTPServer):
    """`with ModelHub() as hub:` serves at hub.address until the end of the block.

    files: path -> content of what was committed. validated: the cards that were sent to be validated.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, bytes] = {}
        self.objects: dict[str, bytes] = {}
        self.validated: list[str] = []

    def __enter__(self) -> "ModelHub":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

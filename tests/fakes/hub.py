"""A loopback Hugging Face hub: serves folders as repositories over HTTP, and logs every request."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Repositories by id, each a folder; use as a context manager.

    ``refusals`` maps a repository to the (status, X-Error-Code) that every request for it gets.
    """

    def __init__(self, repositories: dict[str, Path], refusals: dict[str, tuple[int, str]] | None = None) -> None:
        self.requests: list[str] = []
        self.authorizations: set[str | None] = set()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                self._answer(body=True)

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self, *, body: bool) -> None:
                hub.requests.append(f"{self.command} {self.path}")
                hub.authorizations.add(self.headers.get("Authorization"))
                repo, _, rest = self.path.lstrip("/").partition("/resolve/")
                revision, _, file = rest.partition("/")
                if repo in (refusals or {}):
                    status, code = refusals[repo]
                    return self._refuse(status, code)
                if repo not in repositories:
                    return self._refuse(404, "RepoNotFound")
                if revision not in ("main", COMMIT):
                    return self._refuse(404, "RevisionNotFound")
                path = repositories[repo] / file
                if not path.is_file():
                    return self._refuse(404, "EntryNotFound")
                self._send(path.read_bytes(), body=body)

            def _send(self, data: bytes, *, body: bool) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.end_headers()
                if body:
                    self.wfile.write(data)

            def _refuse(self, status: int, code: str) -> None:
                data = json.dumps({"error": code}).encode()
                self.send_response(status)
                self.send_header("X-Error-Code", code)
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeHub":
        threading.Thread(target=self._server.serve_forever, name="fake-hub", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

"""A loopback Hugging Face hub: serves folders as repositories over HTTP, with scripted faults, and logs every request.

As on the real hub, small files come with git's hash of a blob as their ETag; large ones with a sha256, from another
host (a second port), to which the first one redirects.
"""

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 16_384
"""Files from this size on are stored as the hub stores large ones."""


@dataclass
class Fault:
    """What goes wrong with a file, and how often.

    Attributes:
        file: its name ends so.
        times: requests that go wrong; then all is well.
        method: "GET", "HEAD", or "" for both.
        status: answer with this status instead.
        headers: of that answer, or instead of the right ones.
        cut: close the connection after this share of the body.
        change: what is sent instead of the right bytes.
        announce: bytes that the length and the hashes are computed from, instead of those that are sent.
        seconds: wait so long before answering.
        ignore_range: answer a request for a part with the whole.
    """

    file: str
    times: int = 1_000_000
    method: str = "GET"
    status: int | None = None
    headers: Mapping[str, str] | None = None
    cut: float | None = None
    change: Callable[[bytes], bytes] | None = None
    endless: bool = False
    seconds: float = 0.0
    ignore_range: bool = False
    drop: bool = False


class FakeHub:
    """Repositories by id, each a folder, or a list of file names served as empty files; use as a context manager.

    ``refusals`` maps a repository to the (status, X-Error-Code) that every request for it gets.
    """

    def __init__(
        self,
        repositories: Mapping[str, Path | list[str]],
        refusals: Mapping[str, tuple[int, str]] | None = None,
        faults: list[Fault] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.repositories = dict(repositories)
        self.refusals = dict(refusals or {})
        self.faults = list(faults or [])
        self.requests: list[str] = []
        self.authorizations: set[str | None] = set()
        self.cdn_authorizations: set[str | None] = set()
        self.commit = COMMIT
        self.sent: dict[str, int] = {}
        """Bytes of bodies sent, by file."""
        self.watch: Callable[[FakeHub], None] = lambda _: None
        """Called at every request, and after every piece of a body."""
        self._lock = threading.Lock()
        self._servers = [self._server(_Hub), self._server(_Store)]
        if tls is not None:
            self._servers[0].socket = tls.wrap_socket(self._servers[0].socket, server_side=True)
        scheme = "https" if tls else "http"
        host = "localhost" if tls else "127.0.0.1"
        self.url = f"{scheme}://{host}:{self._servers[0].server_port}"
        self.store_url = f"http://127.0.0.2:{self._servers[1].server_port}"

    def _server(self, handler: type["_Handler"]) -> ThreadingHTTPServer:
        host = "127.0.0.2" if handler is _Store else "127.0.0.1"
        server = ThreadingHTTPServer((host, 0), type(handler.__name__, (handler,), {"hub": self}))
        server.daemon_threads = True
        return server

    def __enter__(self) -> "FakeHub":
        for server in self._servers:
            threading.Thread(target=server.serve_forever, name="fake-hub", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for server in self._servers:
                stack.callback(server.server_close)
                server.shutdown()

    def bytes_of(self, repo: str, file: str) -> bytes | None:
        """Content of a file; None where the repository lacks it."""
        source = self.repositories[repo]
        if isinstance(source, list):
            return b"{}" if file in source else None
        path = source / file
        return path.read_bytes() if path.is_file() else None

    def fault(self, file: str, method: str) -> Fault | None:
        """The fault that this request meets, which then has one time less."""
        with self._lock:
            for fault in self.faults:
                if file.endswith(fault.file) and fault.method in ("", method) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: FakeHub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        raise NotImplementedError

    def refuse(self, status: int, headers: Mapping[str, str]) -> None:
        data = json.dumps({"error": headers.get("X-Error-Code", str(status))}).encode()
        self.start(status, {"Content-Length": str(len(data)), **headers})
        if self.command == "GET":
            self.wfile.write(data)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.close()

    def send_file(self, file: str, data: bytes, headers: Mapping[str, str], fault: Fault | None) -> None:
        """The file or the part asked for, as the fault leaves it."""
        begin = self._begin(fault)
        part = data[begin:]
        status = 206 if begin else 200
        headers = {"Content-Length": str(len(part)), **headers}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        if fault and fault.endless:
            return self._send_endless(file, part, headers)
        body = fault.change(data)[begin:] if fault and fault.change else part
        self.start(status, headers)
        if self.command != "GET":
            return None
        if fault and fault.cut is not None:
            body = body[: int(len(body) * fault.cut)]
        self._write(file, body)
        if len(body) < len(part):
            self.hang_up()
        return None

    def _begin(self, fault: Fault | None) -> int:
        asked = self.headers.get("Range")
        if not asked or (fault and fault.ignore_range):
            return 0
        return int(asked.removeprefix("bytes=").partition("-")[0])

    def _send_endless(self, file: str, part: bytes, headers: Mapping[str, str]) -> None:
        headers = {name: value for name, value in headers.items() if name != "Content-Length"}
        self.start(200, {**headers, "Transfer-Encoding": "chunked"})
        for chunk in [part] + [b"x" * 65_536] * 1000:
            try:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            except OSError:
                return
            self.hub.sent[file] = self.hub.sent.get(file, 0) + len(chunk)
        self.wfile.write(b"0\r\n\r\n")

    def _write(self, file: str, body: bytes) -> None:
        for start in range(0, len(body), 8192):
            self.wfile.write(body[start : start + 8192])
            self.hub.watch(self.hub)
            self.hub.sent[file] = self.hub.sent.get(file, 0) + len(body[start : start + 8192])


class _Hub(_Handler):
    """huggingface.co itself."""

    def answer(self) -> None:
        hub = self.hub
        if self.path.startswith("/api/"):  # the client's own business, not a model's
            return self.refuse(404, {})
        hub.requests.append(f"{self.command} {self.path}")
        hub.authorizations.add(self.headers.get("Authorization"))
        hub.watch(hub)
        repo, _, rest = unquote(self.path).lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        fault = hub.fault(file, self.command)
        if fault and fault.seconds:
            time.sleep(fault.seconds)
        if fault and fault.drop:
            return self.hang_up()
        if fault and fault.status:
            return self.refuse(fault.status, fault.headers or {})
        known = {"X-Repo-Commit": hub.commit}
        if repo in hub.refusals:
            status, code = hub.refusals[repo]
            return self.refuse(status, known | {"X-Error-Code": code})
        if repo not in hub.repositories:
            return self.refuse(404, known | {"X-Error-Code": "RepoNotFound"})
        if revision not in ("main", hub.commit):
            return self.refuse(404, known | {"X-Error-Code": "RevisionNotFound"})
        data = hub.bytes_of(repo, file)
        if data is None:
            return self.refuse(404, known | {"X-Error-Code": "EntryNotFound"})
        if len(data) >= LARGE:
            return self._redirect(repo, file, data)
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        headers = known | {"ETag": f'"{blob}"'} | (dict(fault.headers or {}) if fault else {})
        return self.send_file(file, data, headers, fault)

    def _redirect(self, repo: str, file: str, data: bytes) -> None:
        headers = {
            "X-Repo-Commit": self.hub.commit,
            "X-Linked-ETag": f'"{hashlib.sha256(data).hexdigest()}"',
            "X-Linked-Size": str(len(data)),
            "Location": f"{self.hub.store_url}/{repo}/{file}",
            "Content-Length": "0",
        }
        self.start(302, headers)


class _Store(_Handler):
    """The host that large files lie on."""

    def answer(self) -> None:
        hub = self.hub
        hub.requests.append(f"{self.command} store {self.path}")
        hub.cdn_authorizations.add(self.headers.get("Authorization"))
        organisation, name, file = unquote(self.path).lstrip("/").split("/", 2)
        fault = hub.fault(file, self.command)
        if fault and fault.seconds:
            time.sleep(fault.seconds)
        if fault and fault.drop:
            return self.hang_up()
        if fault and fault.status:
            return self.refuse(fault.status, fault.headers or {})
        data = hub.bytes_of(f"{organisation}/{name}", file) or b""
        return self.send_file(file, data, {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}, fault)

"""A hub, a network and a cache under faults. ``make faults`` runs all and writes the figures to docs/reliability.md.

Every test loads a model in a process of its own, against a hub on the loopback interface, and is one or more rows of
that page: its first line says what goes wrong, ``row`` notes what is expected and what was measured.
"""

import hashlib
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from rapidembed import IntegrityError, TextEmbedding
from rapidembed.hub.content import damage
from rapidembed.hub.files import check_name
from rapidembed.hub.onnx_file import check_external, read_onnx

from tests.fakes.hub import FakeHub, Fault
from tests.fakes.onnx_models import write_hidden_states
from tests.fakes.process import finish, spawn, start

TINY = Path(__file__).parents[1] / "golden" / "base"
WEIGHTS = "model.safetensors"
SIZE = (TINY / WEIGHTS).stat().st_size
NAME = "someone/tiny"

Row = Callable[[int, str, str], None]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def vector() -> list[float]:
    return TextEmbedding(TINY).encode("hello world").tolist()


def right(found: dict, vector: list[float]) -> bool:
    return "vector" in found and np.allclose(found["vector"], vector, atol=1e-6)


def gets(hub: FakeHub, file: str) -> int:
    return sum(request.startswith("GET") and request.endswith(file) for request in hub.requests)


def partial_files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*.incomplete") if path.is_file()]


def blob(cache: Path, file: str) -> Path:
    (link,) = cache.glob(f"models--*/snapshots/*/{file}")
    return link.resolve()


# Transfers


def test_body_cut_once(cache: Path, vector: list[float], row: Row) -> None:
    """A body is cut off halfway, once."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, times=1, cut=0.5)]) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
    extra = hub.sent[WEIGHTS] - SIZE
    row(1, "resumed from the last 10 MB, or begun anew", f"{extra} of {SIZE} bytes fetched twice")
    assert extra < SIZE


@pytest.mark.slow
def test_body_always_cut(cache: Path, row: Row) -> None:
    """A body is cut off every time."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, cut=0.0)]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "DownloadError"
    assert f"the transfer of '{WEIGHTS}' broke off, again and again" in found["message"]
    assert partial_files(cache) == []
    assert not list(cache.glob(f"models--*/snapshots/*/{WEIGHTS}"))
    row(2, "an error, nothing partial left", f"{found['seconds']:.0f} s, {len(partial_files(cache))} files left")


def flip(data: bytes) -> bytes:
    return data[:50_000] + bytes([data[50_000] ^ 1]) + data[50_001:]


def test_flipped_bit(cache: Path, vector: list[float], row: Row) -> None:
    """One bit of a body is flipped: once, and every time."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, times=1, change=flip)]) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
        assert gets(hub, WEIGHTS) == 2
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, change=flip)]) as hub:
        found = start(hub.url, cache.with_name("other"), model_name=NAME)
        assert gets(hub, WEIGHTS) == 2
    assert found["error"] == "IntegrityError"
    for words in (
        f"'{WEIGHTS}' arrived damaged twice",
        "its sha256 is",
        "the hub announced",
        str(cache.with_name("other")),
    ):
        assert words in found["message"]
    assert not list(cache.with_name("other").glob(f"models--*/snapshots/*/{WEIGHTS}"))
    row(3, "fetched once more, then an error that names the file", f"detected {detected_flips()}/100")


def detected_flips() -> int:
    """Of 100 random flips, those that the check of arrived files sees, in large files and in small ones."""
    choose = random.Random(3)
    data = (TINY / WEIGHTS).read_bytes()
    hashes = hashlib.sha256(data).hexdigest(), hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    path = Path(os.environ["RAPIDEMBED_CACHE_DIR"]) / "flipped"
    found = 0
    for i in range(100):
        at, bit = choose.randrange(len(data)), choose.randrange(8)
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
        found += damage(path, hashes[i % 2]) is not None
    path.write_bytes(data)
    assert damage(path, hashes[0]) is damage(path, hashes[1]) is damage(path, hashlib.sha1(data).hexdigest()) is None
    assert damage(path, "an-etag-of-a-mirror") is None
    return found


def test_endless_body(cache: Path, row: Row) -> None:
    """A body does not end where it was announced to."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, endless=True)]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "DownloadError"
    assert "of announced" in found["message"]
    assert partial_files(cache) == []
    tries = gets(hub, WEIGHTS)
    over = hub.sent[WEIGHTS] / tries - SIZE
    row(4, "stopped, nothing left", f"at most {over / 1e6:.0f} MB taken beyond the announced length (one buffer)")
    assert over < 40e6


def test_range_ignored(cache: Path, vector: list[float], row: Row) -> None:
    """The rest of a body is asked for, and the whole comes."""
    faults = [Fault(WEIGHTS, times=1, cut=0.5), Fault(WEIGHTS, ignore_range=True)]
    with FakeHub({NAME: TINY}, faults=faults) as hub:
        assert right(start(hub.url, cache, model_name=NAME), vector)
    row(5, "begun anew", "right")


def kill_at(hub: FakeHub, process: subprocess.Popen[str], moment: Callable[[FakeHub], bool]) -> None:
    done = threading.Event()

    def watch(hub: FakeHub) -> None:
        if not done.is_set() and moment(hub):
            done.set()
            process.kill()

    hub.watch = watch
    process.wait(60)
    for pipe in (process.stdout, process.stderr):
        pipe.close()


def killed_then_right(folder: Path, vector: list[float], moments: list[Callable[[FakeHub], bool]]) -> int:
    survived = 0
    for i, moment in enumerate(moments):
        with FakeHub({NAME: TINY}) as hub:
            kill_at(hub, spawn(hub.url, folder / str(i), model_name=NAME), moment)
            hub.watch = lambda _: None
            survived += right(start(hub.url, folder / str(i), model_name=NAME), vector)
        shutil.rmtree(folder / str(i))
    return survived


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_in_a_transfer(tmp_path: Path, vector: list[float], row: Row, count: int) -> None:
    """The process is killed at a random byte of a transfer."""
    choose = random.Random(6)
    marks = [choose.randrange(SIZE) for _ in range(count)]
    moments = [lambda hub, mark=mark: sum(hub.sent.values()) > mark for mark in marks]
    survived = killed_then_right(tmp_path, vector, moments)
    row(6, "the next start succeeds", f"{survived}/{count}")
    assert survived == count


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_between_files(tmp_path: Path, vector: list[float], row: Row, count: int) -> None:
    """The process is killed between two requests."""
    choose = random.Random(7)
    marks = [choose.randrange(2, 20) for _ in range(count)]
    moments = [lambda hub, mark=mark: len(hub.requests) >= mark for mark in marks]
    survived = killed_then_right(tmp_path, vector, moments)
    row(7, "the next start succeeds", f"{survived}/{count}")
    assert survived == count


# Caches that were damaged later


@pytest.mark.parametrize(
    "file",
    [
        WEIGHTS,
        "config.json",
        *(
            pytest.param(file, marks=pytest.mark.slow)
            for file in ("tokenizer.json", "modules.json", "1_Pooling/config.json")
        ),
    ],
)
def test_cached_file_truncated(cache: Path, vector: list[float], row: Row, file: str) -> None:
    """A cached file was truncated."""
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, cache, model_name=NAME)
        path = blob(cache, file)
        os.truncate(path, path.stat().st_size // 2)
        offline = start(hub.url, cache, model_name=NAME, local_files_only=True)
        assert offline["error"] == "IntegrityError"
        assert f"Damaged in the cache: {next(cache.glob(f'models--*/snapshots/*/{file}'))}" in offline["message"]
        assert "Load the model once where the hub may be asked" in offline["message"]
        hub.requests.clear()
        assert right(start(hub.url, cache, model_name=NAME), vector)
        assert sum(request.startswith("GET") for request in hub.requests) == 1
    row(
        8,
        "fetched again; offline, an error",
        f"named after {offline['seconds'] * 1000:.0f} ms",
    )


def test_cached_file_gone(cache: Path, vector: list[float], row: Row) -> None:
    """What a link of the cache leads to is gone."""
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, cache, model_name=NAME)
        blob(cache, "tokenizer.json").unlink()
        offline = start(hub.url, cache, model_name=NAME, local_files_only=True)
        assert offline["error"] == "ModelNotCachedError"
        assert "'tokenizer.json' is missing" in offline["message"]
        assert right(start(hub.url, cache, model_name=NAME), vector)
    row(9, "fetched again; offline, an error", "right")


PAGE = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"


@pytest.mark.slow
@pytest.mark.parametrize("file", [WEIGHTS, "config.json"])
def test_login_page(cache: Path, row: Row, file: str) -> None:
    """A login page, or nothing, comes instead of a file."""
    with FakeHub({NAME: TINY}, faults=[Fault(file, change=lambda data: PAGE.ljust(len(data)))]) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "IntegrityError"
    assert "it looks like an HTML page" in found["message"]
    with FakeHub({NAME: TINY}, faults=[Fault(file, change=lambda _: b"")]) as hub:
        empty = start(hub.url, cache, model_name=NAME)
    assert empty["error"] == "DownloadError"
    row(10, "an error that says what it looks like", f"{found['seconds']:.1f} s")


# Several processes, locks


@pytest.mark.slow
def test_several_cold_processes(cache: Path, vector: list[float], row: Row) -> None:
    """Eight processes load a model that none has."""
    with FakeHub({NAME: TINY}) as hub:
        processes = [spawn(hub.url, cache, model_name=NAME) for _ in range(8)]
        assert all(right(finish(process), vector) for process in processes)
    row(11, "one download", f"{gets(hub, WEIGHTS)} download")
    assert gets(hub, WEIGHTS) == 1


NO_LOCK = """
import contextlib, huggingface_hub.file_download as module
module.WeakFileLock = lambda *_, **__: contextlib.nullcontext()
"""


@pytest.mark.slow
def test_locks_that_do_not_lock(cache: Path, vector: list[float], row: Row) -> None:
    """Eight processes, on a file system whose locks always succeed."""
    with FakeHub({NAME: TINY}, faults=[Fault(WEIGHTS, seconds=0.2)]) as hub:
        processes = [spawn(hub.url, cache, before=NO_LOCK, model_name=NAME) for _ in range(8)]
        good = sum(right(finish(process), vector) for process in processes)
    row(12, "all load", f"{good}/8 load, {gets(hub, WEIGHTS)} downloads")
    assert good == 8
    assert damage(blob(cache, WEIGHTS), blob(cache, WEIGHTS).name) is None


HOLD = """
import sys, time
from huggingface_hub.utils import WeakFileLock
with WeakFileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold_lock(cache: Path, seconds: float) -> subprocess.Popen[str]:
    name = hashlib.sha256((TINY / WEIGHTS).read_bytes()).hexdigest()
    path = cache / ".locks" / "models--someone--tiny" / f"{name}.lock"
    path.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(path), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_lock_of_a_dead_process(cache: Path, vector: list[float], row: Row) -> None:
    """The holder of a lock was killed."""
    holder = hold_lock(cache, 60)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert right(found, vector)
    row(13, "does not wait", f"{found['seconds']:.1f} s in all")


def test_lock_held_long(cache: Path, vector: list[float], row: Row) -> None:
    """Another process holds the lock."""
    holder = hold_lock(cache, 3)
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    holder.communicate()
    assert right(found, vector)
    row(14, "waits, then goes on (the hub's client logs that it waits)", f"{found['seconds']:.1f} s of 3 s held")


# Warm starts, offline


def test_temporary_files_purged(tmp_path: Path, vector: list[float], row: Row) -> None:
    """The system empties its folder for temporary files."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(folder),
        "XDG_CACHE_HOME": str(tmp_path / "home" / ".cache"),
    }
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, None, environment, model_name=NAME)
        shutil.rmtree(folder)
        folder.mkdir()
        hub.requests.clear()
        assert right(start(hub.url, None, environment, model_name=NAME), vector)
    row(15, "the default cache is elsewhere", f"{len(hub.requests)} requests")
    assert hub.requests == []


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    states = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {str(path): (state.st_mtime_ns, state.st_size) for path, state in states.items()}


def test_warm_start(cache: Path, vector: list[float], row: Row) -> None:
    """The cache is complete, the hub is dead."""
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, cache, model_name=NAME)
    before = tree(cache)
    found = start(hub.url, cache, watch=True, model_name=NAME)
    assert right(found, vector)
    assert found["sockets"] == found["writes"] == []
    assert tree(cache) == before
    row(16, "loads, no socket, nothing written", f"{found['seconds'] * 1000:.0f} ms, 0 sockets, 0 writes")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_warm_start_under_strace(cache: Path, tmp_path: Path, row: Row) -> None:
    """The cache is complete: what the system sees."""
    with FakeHub({NAME: TINY}) as hub:
        start(hub.url, cache, model_name=NAME)
    script = f"from rapidembed import TextEmbedding; TextEmbedding({NAME!r}, cache_dir={str(cache)!r}).encode('x')"
    log = tmp_path / "strace"
    traced = "trace=socket,connect,openat,mkdir,rename,unlink,symlink,link,truncate"
    command = ["strace", "-f", "-qq", "-e", traced, "-o", str(log), sys.executable, "-B", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    if "not permitted" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr
    calls = log.read_text(errors="replace").splitlines()
    assert any(WEIGHTS in call or "blobs" in call for call in calls)
    sockets = [call for call in calls if "socket(" in call or "connect(" in call]
    changing = ("O_WRONLY", "O_RDWR", "O_CREAT", "mkdir(", "rename(", "unlink(", "symlink(", "link(", "truncate(")
    writes = [call for call in calls if any(w in call for w in changing) and "readlink" not in call]
    writes = [call for call in writes if "/dev/" not in call and "/proc/" not in call]
    assert sockets == []
    assert writes == []
    row(16, "the same, seen by strace", f"{len(sockets)} sockets, {len(writes)} files opened for writing")


@pytest.mark.parametrize("how", ["HF_HUB_OFFLINE", "local_files_only"])
def test_offline_and_cold(cache: Path, row: Row, how: str) -> None:
    """Offline, and the model was never fetched."""
    environment, options = (
        ({"HF_HUB_OFFLINE": "1"}, {}) if how == "HF_HUB_OFFLINE" else ({}, {"local_files_only": True})
    )
    with FakeHub({NAME: TINY}) as hub:
        found = start(hub.url, cache, environment, watch=True, model_name=NAME, **options)
    assert found["error"] == "ModelNotCachedError"
    for words in (NAME, str(cache), how):
        assert words in found["message"]
    assert found["sockets"] == []
    row(17, f"an error at once ({how})", f"{found['seconds'] * 1000:.0f} ms, 0 sockets")


# The network


def test_hub_that_never_answers(cache: Path, row: Row) -> None:
    """The hub takes the connection and says nothing."""
    with FakeHub({NAME: TINY}, faults=[Fault("modules.json", method="HEAD", seconds=60)]) as hub:
        found = start(hub.url, cache, {"HF_HUB_ETAG_TIMEOUT": "2"}, model_name=NAME)
    assert found["error"] == "ModelNotCachedError"
    assert "the hub did not answer (ReadTimeout" in found["message"]
    row(18, "an error after HF_HUB_ETAG_TIMEOUT (10 s by default)", f"{found['seconds']:.1f} s with 2 s")
    assert found["seconds"] < 8


def test_no_such_host(cache: Path, row: Row) -> None:
    """The hub's name cannot be resolved."""
    found = start("http://hub.invalid", cache, model_name=NAME)
    assert found["error"] == "ModelNotCachedError"
    assert "the hub did not answer (ConnectError" in found["message"] or "gaierror" in found["message"]
    row(19, "one error, no chain of retries", f"{found['seconds']:.1f} s")
    assert found["seconds"] < 10


def test_rate_limit(cache: Path, vector: list[float], row: Row) -> None:
    """Too many requests (429)."""
    limited = [Fault("modules.json", times=2, method="HEAD", status=429, headers={"Retry-After": "1"})]
    with FakeHub({NAME: TINY}, faults=limited) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert right(found, vector)
    assert found["seconds"] >= 2
    hopeless = [Fault("modules.json", method="HEAD", status=429, headers={"Retry-After": "3600"})]
    with FakeHub({NAME: TINY}, faults=hopeless) as hub:
        refused = start(hub.url, cache.with_name("other"), model_name=NAME)
    assert refused["error"] == "DownloadError"
    assert "limits the rate of requests: wait, or pass a token" in refused["message"]
    assert len(hub.requests) == 1
    row(20, "waits as told, up to a minute", f"twice 1 s: loads after {found['seconds']:.1f} s")
    row(20, "told to wait an hour: an error that says what helps", f"{refused['seconds']:.1f} s")


def test_busy_hub(cache: Path, vector: list[float], row: Row) -> None:
    """500, 502, a dropped connection, then all is well."""
    faults = [
        Fault("modules.json", times=1, method="HEAD", status=500),
        Fault("modules.json", times=1, method="HEAD", status=502),
        Fault("modules.json", times=1, method="HEAD", drop=True),
        Fault(WEIGHTS, times=1, drop=True),
    ]
    with FakeHub({NAME: TINY}, faults=faults) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert right(found, vector), found
    row(21, "asks again, waiting longer each time", f"loads after {found['seconds']:.1f} s")


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (401, "", "DownloadError", "The token is wrong or has expired"),
        (401, "RepoNotFound", "ModelNotFoundError", "no repository"),
        (403, "GatedRepo", "DownloadError", "is gated"),
        (404, "RepoNotFound", "ModelNotFoundError", "no repository"),
        (404, "RevisionNotFound", "ModelNotFoundError", "no revision"),
    ],
)
def test_final_answers(cache: Path, row: Row, status: int, code: str, error: str, words: str) -> None:
    """The hub says no (401, 403, 404)."""
    with FakeHub({NAME: TINY}, {NAME: (status, code)}) as hub:
        found = start(hub.url, cache, model_name=NAME, token="hf_secret")
    assert found["error"] == error, found
    assert words in found["message"]
    assert "hf_secret" not in str(found)
    row(
        22,
        f"{status} {code}: {error}, not asked again, no token in it".replace("  ", " "),
        f"{len(hub.requests)} request",
    )
    assert len(hub.requests) == 1


def test_certificates(cache: Path, tmp_path: Path, vector: list[float], row: Row) -> None:
    """The hub's certificate is of an unknown authority."""
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with FakeHub({NAME: TINY}, tls=context) as hub:
        refused = start(hub.url, cache, {"SSL_CERT_FILE": ""}, model_name=NAME)
        assert right(start(hub.url, cache, {"SSL_CERT_FILE": str(bundle)}, model_name=NAME), vector)
    assert refused["error"] == "ModelNotCachedError"
    assert "certificate" in refused["message"].lower()
    assert "SSL_CERT_FILE names the certificates to trust" in refused["message"]
    row(23, "an error at once that names SSL_CERT_FILE; with it, loads", f"{refused['seconds']:.1f} s")
    assert refused["seconds"] < 10


class _Proxy(BaseHTTPRequestHandler):
    """Wants a password for everything."""

    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_CONNECT = do_HEAD  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_refuses(cache: Path, row: Row, scheme: str) -> None:
    """The proxy wants a password (407)."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        proxy.asked = []
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{proxy.server_port}"
        names = {
            "HTTP_PROXY": url,
            "HTTPS_PROXY": url,
            "http_proxy": url,
            "https_proxy": url,
            "NO_PROXY": "",
            "no_proxy": "",
        }
        found = start(f"{scheme}://hub.example", cache, names, model_name=NAME)
        proxy.shutdown()
    assert proxy.asked
    assert found["error"] in ("ModelNotCachedError", "DownloadError")
    assert "407" in found["message"]
    row(24, f"honoured for {scheme}, and an error that says so", f"{found['seconds']:.1f} s")


@pytest.mark.slow
def test_redirects(cache: Path, tmp_path: Path, vector: list[float], row: Row) -> None:
    """Redirects: in a circle, to a file, to another host."""
    with FakeHub({NAME: TINY}) as hub:
        assert right(start(hub.url, cache, model_name=NAME, token="hf_secret"), vector)
    assert "Bearer hf_secret" in hub.authorizations
    assert hub.cdn_authorizations == {None}
    row(25, "a token stays with the hub", f"sent to the other host 0 of {len(hub.requests)} times")
    circle = {"Location": f"/{NAME}/resolve/main/config.json", "Content-Length": "0"}
    for i, headers in enumerate([circle, {"Location": "file:///etc/hostname", "Content-Length": "0"}]):
        with FakeHub({NAME: TINY}, faults=[Fault("config.json", method="", status=302, headers=headers)]) as hub:
            found = start(hub.url, tmp_path / f"redirect-{i}", model_name=NAME)
        assert "error" in found
        assert found["seconds"] < 30
        assert len(hub.requests) < 100
        row(25, "refused, in bounded time", f"{found['error']} after {found['seconds']:.1f} s")


# Hostile files


HOSTILE_NAMES = ["../x", "/etc/passwd", "a/../../x", "a\0b", "x" * 300, "C:\\x", "a\\..\\x", "a\nb", ""]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="not a plain path"):
        check_name(name, "a repository")


@pytest.mark.parametrize("where", ["modules.json", "model.safetensors.index.json"])
def test_hostile_names(cache: Path, tmp_path: Path, row: Row, where: str) -> None:
    """A repository names files outside itself."""
    repo, outside = tmp_path / "repo", tmp_path / "x"
    shutil.copytree(TINY, repo)
    if where == "modules.json":
        text = (repo / where).read_text().replace('"1_Pooling"', '"../../../../x"')
    else:
        (repo / WEIGHTS).unlink()
        text = '{"weight_map": {"a": "../../../../x"}}'
    (repo / where).write_text(text)
    with FakeHub({NAME: repo}) as hub:
        found = start(hub.url, cache, model_name=NAME)
    assert found["error"] == "IntegrityError"
    assert "'../../../../x', which is not a plain path below it; refused" in found["message"]
    assert not outside.exists()
    assert not any(".." in request for request in hub.requests)
    row(26, f"refused ({where}; {len(HOSTILE_NAMES)} kinds of names)", "0 files outside")


def external(tmp_path: Path, location: str = "data", offset: int = 0, length: int | None = None) -> Path:
    path = tmp_path / "model" / "model.onnx"
    path.parent.mkdir()
    write_hidden_states(path, location, offset, length)
    return path


def test_external_data(tmp_path: Path, row: Row) -> None:
    """An ONNX file keeps its data outside the model."""
    (tmp_path / "secret").write_bytes(b"s" * 4096)
    cases = {
        "../secret": {"location": "../secret"},
        "an absolute path": {"location": str(tmp_path / "secret")},
        "a link that leads out": {"location": "linked/secret"},
        "a negative offset": {"offset": -8},
        "a huge length": {"length": 2**40},
        "a missing file": {"location": "nowhere"},
    }
    refused = []
    for i, (name, options) in enumerate(cases.items()):
        folder = tmp_path / str(i)
        folder.mkdir()
        path = external(folder, **options)
        (path.parent / "data").write_bytes(b"\0" * 4096)
        (path.parent / "linked").symlink_to(tmp_path)
        with pytest.raises(IntegrityError):
            check_external(path, path.parent)
        refused.append(name)
    row(27, f"refused before ONNX Runtime opens it: {', '.join(refused)}", f"{len(refused)}/{len(cases)}")


def test_broken_onnx_files_are_never_taken(tmp_path: Path) -> None:
    path = external(tmp_path)
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        os.utime(path, ns=(length, length))
        try:
            found = read_onnx(path)
        except IntegrityError:
            continue
        assert found.files in ([], ["data"])  # cut between two fields


def test_legal_external_data(cache: Path, tmp_path: Path, row: Row) -> None:
    """An ONNX file keeps its data beside it, and both are links of the cache."""
    repo = tmp_path / "repo"
    (repo / "onnx").mkdir(parents=True)
    for file in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(TINY / file, repo)
    config = (repo / "config.json").read_text().replace('"model_type": "bert"', '"model_type": "other"')
    (repo / "config.json").write_text(config)
    write_hidden_states(repo / "onnx/model.onnx", "model.onnx_data", 0, None)
    (repo / "onnx/model.onnx_data").write_bytes(np.ones(32 * 256, dtype=np.float32).tobytes())
    with FakeHub({NAME: repo}) as hub:
        found = start(hub.url, cache, model_name=NAME, pooling="mean")
    assert found.get("weights") == "model.onnx", found
    data = next(cache.glob("models--*/snapshots/*/onnx/model.onnx_data"))
    assert data.is_symlink()
    import onnxruntime

    row(28, "loads", f"onnxruntime {onnxruntime.__version__}")


# Read-only caches


def test_read_only_cache(tmp_path: Path, vector: list[float], row: Row) -> None:
    """The cache is read-only: complete, and incomplete."""
    cache = tmp_path / "cache"
    with FakeHub({NAME: TINY, "someone/else": TINY}) as hub:
        start(hub.url, cache, model_name=NAME)
        for path in [cache, *cache.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() else 0o444)
        environment = {
            "RAPIDEMBED_CACHE_DIR": str(cache / "graphs"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/nonexistent",
        }
        found = start(hub.url, cache, environment, unprivileged=True, watch=True, model_name=NAME)
        refused = start(hub.url, cache, environment, unprivileged=True, model_name="someone/else")
        for path in [cache, *cache.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
    assert right(found, vector), found
    tried = [write for write in found["writes"] if "graphs" not in write]
    assert found["sockets"] == tried == []
    assert refused["error"] == "DownloadError", refused
    assert "cannot be stored in the cache" in refused["message"]
    assert "cache_dir=, or HF_HUB_CACHE" in refused["message"]
    row(30, "complete: loads", f"{len(tried)} writes tried")
    row(30, "incomplete: an error that names the cache and the ways out", f"{refused['seconds']:.1f} s")

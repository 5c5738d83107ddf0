"""A hub that is silent, busy or says no; hosts, certificates, proxies and redirects."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fakes.hub import FakeHub, Fault
from tests.fakes.process import start
from tests.fakes.tiny import NAME, TINY, WEIGHTS, Row, right


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
        # In this process these are in test_hub.py.
        pytest.param(401, "RepoNotFound", "ModelNotFoundError", "no repository", marks=pytest.mark.slow),
        pytest.param(403, "GatedRepo", "DownloadError", "is gated", marks=pytest.mark.slow),
        pytest.param(404, "RepoNotFound", "ModelNotFoundError", "no repository", marks=pytest.mark.slow),
        pytest.param(404, "RevisionNotFound", "ModelNotFoundError", "no revision", marks=pytest.mark.slow),
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

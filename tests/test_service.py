"""examples/service.py: what it answers, refuses and finishes, over the real FastAPI."""

import asyncio
import importlib.util
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest
from rapidembed import TextCrossEncoder, TextEmbedding

from tests.fakes.pool import count_runs, held, queueing
from tests.golden.heads import RERANKERS, assemble_reranker

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "golden" / "base"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setenv("RAPIDEMBED_MODEL", str(TINY))
    monkeypatch.setenv("SERVICE_RERANKER", str(assemble_reranker(RERANKERS["plain"], tmp_path / "reranker")))
    monkeypatch.setenv("SERVICE_TEXTS", "20")
    monkeypatch.setenv("SERVICE_BYTES", "10000")
    spec = importlib.util.spec_from_file_location("service", ROOT / "examples" / "service.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def client(module: ModuleType):
    async with (
        module.app.router.lifespan_context(module.app),
        httpx.AsyncClient(transport=httpx.ASGITransport(module.app), base_url="http://service") as client,
    ):
        yield client


@pytest.fixture
async def ready(client, module: ModuleType):
    deadline = time.monotonic() + 30
    while (await client.get("/health")).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return client


async def test_it_is_ready_once_the_models_are_loaded(client) -> None:
    assert (await client.get("/health")).json() == {"status": "loading"}
    answer = await client.post("/embed", json={"texts": ["a"]})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_vectors_and_rankings_are_the_models(ready, tmp_path: Path) -> None:
    with TextEmbedding(str(TINY)) as model, TextCrossEncoder(str(tmp_path / "reranker")) as reranker:
        for texts in (["the lazy dog"], ["hello", "the quick fox"]):
            found = (await ready.post("/embed", json={"texts": texts, "kind": "query"})).json()
            assert found["vectors"] == model.encode_query(texts).tolist()
        body = {"query": "dog", "documents": ["a", "the lazy dog", "b"], "top_k": 2}
        found = (await ready.post("/rerank", json=body)).json()["results"]
        best = reranker.rank("dog", body["documents"], top_k=2)
        assert found == [{"index": each.index, "score": each.score} for each in best]
    stats = (await ready.get("/stats")).json()
    assert stats["embed"]["calls"] == 4
    assert stats["rerank"]["texts"] == 4
    assert stats["under_way"] == 0


async def test_what_is_too_big_or_wrong_is_refused(ready) -> None:
    async def chunks():
        for _ in range(20):
            yield b"x" * 1000

    json_type = {"content-type": "application/json"}
    answers = [
        await ready.post("/embed", json={"texts": []}),
        await ready.post("/embed", json={"texts": ["x"] * 257}),
        await ready.post("/embed", json={"texts": ["x" * 10_000]}),
        await ready.post("/embed", content=chunks(), headers=json_type),  # announces no length
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 413, 413]


async def test_too_much_at_once_is_refused_and_too_slow_given_up(module, ready, monkeypatch) -> None:
    service = module.app.state.service
    async with queueing(lambda: service.embedder.stats().queue_length, 2):
        first, second = (asyncio.create_task(ready.post("/embed", json={"texts": ["x"] * 10})) for _ in range(2))
        while service.under_way < 20:
            await asyncio.sleep(0.005)
        answer = await ready.post("/embed", json={"texts": ["one more"]})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert [(await each).status_code for each in (first, second)] == [200, 200]
    monkeypatch.setattr(service, "seconds", 0.05)
    with held():
        assert (await ready.post("/embed", json={"texts": ["x"]})).status_code == 504
    assert service.under_way == 0


async def test_requests_share_batches(module, ready, monkeypatch) -> None:
    service, sizes = module.app.state.service, count_runs(monkeypatch)
    async with queueing(lambda: service.embedder.stats().queue_length, 16):
        tasks = [asyncio.create_task(ready.post("/embed", json={"texts": ["hello"]})) for _ in range(16)]
    assert {(await each).status_code for each in tasks} == {200}
    assert (sum(sizes), len(sizes)) == (16, 1)


def test_a_server_that_ends_finishes_what_is_under_way(module: ModuleType) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(uvicorn.Config(module.app, port=0, log_level="error", timeout_graceful_shutdown=20))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started or module.app.state.service.state != "ready":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    service, answers = module.app.state.service, []
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with held():
        asked = threading.Thread(target=lambda: answers.append(httpx.post(f"{url}/embed", json={"texts": ["x"]})))
        asked.start()
        while not service.embedder.stats().queue_length:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        service.stop()  # as SIGTERM does, in the main thread
        assert (
            httpx.get(f"{url}/health").status_code
            == httpx.post(f"{url}/embed", json={"texts": ["y"]}).status_code
            == 503
        )
        server.should_exit = True
        time.sleep(0.2)
        assert thread.is_alive()
    asked.join(20)
    thread.join(20)
    assert [answer.status_code for answer in answers] == [200]
    assert not thread.is_alive()
    assert service.embedder._closed

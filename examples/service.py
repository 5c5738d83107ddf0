"""An embedding service: POST /embed and /rerank, GET /health and /stats. Concurrent requests share batches.

    pip install rapidembed fastapi uvicorn
    uvicorn examples.service:app --timeout-graceful-shutdown 20
    python examples/load.py                 (in another terminal)

Environment: RAPIDEMBED_MODEL; SERVICE_RERANKER (none: /rerank answers 501); SERVICE_TEXTS, most texts under way (1024);
SERVICE_BYTES of a request (1000000); SERVICE_SECONDS of a request (30).

It answers 413 to what is too big, 429 when too much is under way, 503 while it loads or stops, and 504 to what takes
too long. On SIGTERM it refuses what is new, finishes what is under way, and closes its models.
"""

import asyncio
import json
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints
from pydantic import Field as Limited
from rapidembed import ClosedError, TextCrossEncoder, TextEmbedding

R = TypeVar("R")
Text = Annotated[str, StringConstraints(max_length=100_000)]
Texts = Annotated[list[Text], Limited(min_length=1, max_length=256)]

logger = logging.getLogger("service")


class Embed(BaseModel):
    texts: Texts
    kind: Literal["query", "document"] = "document"


class Rerank(BaseModel):
    query: Text
    documents: Texts
    top_k: Annotated[int, Limited(ge=1)] | None = None


class Service:
    """The models, and how much is under way."""

    def __init__(self) -> None:
        self.state: Literal["loading", "ready", "failed", "stopping"] = "loading"
        self.embedder = TextEmbedding(lazy_load=True)
        name = os.environ.get("SERVICE_RERANKER")
        self.reranker = TextCrossEncoder(name, lazy_load=True) if name else None
        self.most = int(os.environ.get("SERVICE_TEXTS", "1024"))
        self.seconds = float(os.environ.get("SERVICE_SECONDS", "30"))
        self.under_way = 0

    async def load(self) -> None:
        try:
            await self.embedder.aencode(["the first call loads what calls need"] * 2)
            await self.embedder.aencode_query("what a lone text needs is another thing")
            if self.reranker is not None:
                await self.reranker.ascore("query", ["document"])
        except Exception:
            logger.exception("The models could not be loaded")
            self.state = "failed"
            raise
        if self.state == "loading":
            self.state = "ready"

    @contextmanager
    def admitted(self, texts: int) -> Iterator[None]:
        """Around a request's work; refuses it where it is not to begin."""
        if self.state != "ready":
            raise HTTPException(503, f"The service is {self.state}.", {"Retry-After": "1"})
        if self.under_way and self.under_way + texts > self.most:
            raise HTTPException(429, f"{self.under_way} texts are under way.", {"Retry-After": "1"})
        self.under_way += texts
        try:
            yield
        finally:
            self.under_way -= texts

    async def within_time(self, work: Awaitable[R]) -> R:
        """The result; a time-out takes what has not begun out of the queue."""
        try:
            async with asyncio.timeout(self.seconds):
                return await work
        except TimeoutError as error:
            raise HTTPException(504, f"It took more than {self.seconds:g} s.") from error
        except ClosedError as error:
            raise HTTPException(503, "The service is stopping.") from error

    def stop(self) -> None:
        """Take nothing new."""
        self.state = "stopping"

    def close(self) -> None:
        self.stop()
        self.embedder.close()
        if self.reranker is not None:
            self.reranker.close()


class LimitedBody:
    """Refuses bodies of more bytes, those too that do not announce their length."""

    def __init__(self, app: Any, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.most:
            await self._refusal(scope, receive, send)
            return
        read = 0

        async def counted() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise HTTPException(413, f"A request has at most {self.most} bytes.")
            return message

        await self.app(scope, counted, send)

    @property
    def _refusal(self) -> JSONResponse:
        return JSONResponse({"detail": f"A request has at most {self.most} bytes."}, 413)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.service = service = Service()
    loading = asyncio.create_task(service.load())
    before = _stop_on_sigterm(service)
    try:
        yield  # the server ends this once what is under way is done
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        service.close()
        await asyncio.gather(loading, return_exceptions=True)


def _stop_on_sigterm(service: Service) -> Any:
    """Refuse new work at once; the server's own handler, which is returned, does the rest."""
    if threading.current_thread() is not threading.main_thread():
        return None
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:
        service.stop()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)
    return before


app = FastAPI(title="embeddings", lifespan=lifespan)
app.add_middleware(LimitedBody, most=int(os.environ.get("SERVICE_BYTES", "1000000")))


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def as_json(make: Any, numbers: int) -> Response:
    """Many numbers take long to write: a thread does that, and the event loop goes on."""
    content = await asyncio.to_thread(make) if numbers > 4096 else make()
    return Response(content, media_type="application/json")


@app.post("/embed")
async def embed(wanted: Embed, request: Request) -> Response:
    service = service_of(request)
    with service.admitted(len(wanted.texts)):
        model = service.embedder
        call = model.aencode_query if wanted.kind == "query" else model.aencode_document
        # A lone text and a short list join the batches of other requests.
        vectors = await service.within_time(call(wanted.texts[0] if len(wanted.texts) == 1 else wanted.texts))
        rows = vectors.reshape(len(wanted.texts), -1)
        return await as_json(
            lambda: json.dumps({"model": model.info.model_name, "vectors": rows.tolist()}).encode(), rows.size
        )


@app.post("/rerank")
async def rerank(wanted: Rerank, request: Request) -> Response:
    service = service_of(request)
    if service.reranker is None:
        raise HTTPException(501, "No reranker is set: SERVICE_RERANKER names one.")
    with service.admitted(len(wanted.documents)):
        call = partial(service.reranker.arank, wanted.query, wanted.documents, wanted.top_k)
        ranking = await service.within_time(call())
        found = [{"index": each.index, "score": each.score} for each in ranking]
        return JSONResponse({"model": service.reranker.info.model_name, "results": found})


@app.get("/health")
async def health(request: Request) -> Response:
    """200 when the models are loaded and requests are taken, else 503."""
    service = service_of(request)
    return JSONResponse({"status": service.state}, 200 if service.state == "ready" else 503)


@app.get("/stats")
async def stats(request: Request) -> dict[str, Any]:
    service = service_of(request)
    found = {"under_way": service.under_way, "embed": asdict(service.embedder.stats())}
    return found | ({"rerank": asdict(service.reranker.stats())} if service.reranker is not None else {})

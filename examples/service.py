"""An embedding service: POST /embed, GET /health, GET /stats. Concurrent requests share batches by themselves.

    pip install rapidembed fastapi uvicorn
    uvicorn examples.service:app            (model: $RAPIDEMBED_MODEL)
    python examples/load.py                 (in another terminal)

On SIGTERM uvicorn takes no new requests, lets those that run end, and then the model is closed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Literal

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field
from rapidembed import ClosedError, TextEmbedding


class Texts(BaseModel):
    texts: list[str] = Field(min_length=1, max_length=256)
    kind: Literal["query", "document"] = "document"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    with TextEmbedding() as model:
        model.encode(["the first call loads what many texts need"] * 2)
        app.state.model = model
        yield


app = FastAPI(title="embeddings", lifespan=lifespan)


@app.post("/embed")
async def embed(wanted: Texts, request: Request) -> dict[str, Any]:
    model: TextEmbedding = request.app.state.model
    call = model.aencode_query if wanted.kind == "query" else model.aencode_document
    # A lone text joins the batch of other requests; several are a batch of their own.
    texts = wanted.texts[0] if len(wanted.texts) == 1 else wanted.texts
    try:
        vectors = await call(texts)
    except ClosedError as error:
        raise HTTPException(503, "The service is shutting down.") from error
    return {"model": model.info.model_name, "vectors": vectors.reshape(len(wanted.texts), -1).tolist()}


@app.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Whether a text can be embedded now: it embeds one."""
    model: TextEmbedding = request.app.state.model
    vector = await model.aencode_query("health")
    return {"status": "ok", "model": model.info.model_name, "dimensions": len(vector)}


@app.get("/stats")
async def stats(request: Request) -> dict[str, Any]:
    return asdict(request.app.state.model.stats())

"""Spans and durations as OpenTelemetry's SDK receives them, and quiet logs."""

import asyncio
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from rapidembed import SparseTextEmbedding, TextEmbedding
from rapidembed.runtime import hooks, telemetry


def test_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"pip install 'rapidembed\[otel\]'"):
        telemetry.instrument()
    assert hooks._observers == ()


async def test_spans_and_durations(minilm: str) -> None:
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader, tracers = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    end = telemetry.instrument(tracers, MeterProvider([reader]))
    model, words = TextEmbedding(minilm), SparseTextEmbedding("Qdrant/bm25")
    try:
        with tracers.get_tracer("app").start_as_current_span("request") as request:
            await asyncio.gather(model.aencode_query("a"), model.aencode(["a", "b"]))
        with pytest.raises(TypeError):
            words.encode(text for text in ["a", None])
    finally:
        end()
    words.encode("nobody looks")
    made = {(span.name, span.attributes.get("rapidembed.inputs")): span for span in spans.get_finished_spans()}
    assert set(made) == {
        (f"embeddings {minilm}", 1),
        (f"embeddings {minilm}", 2),
        ("embeddings Qdrant/bm25", None),
        ("request", None),
    }
    for inputs in (1, 2):
        span = made[f"embeddings {minilm}", inputs]
        assert span.parent.span_id == request.get_span_context().span_id
        assert span.attributes["gen_ai.request.model"] == minilm
    failed = made["embeddings Qdrant/bm25", None]
    assert failed.attributes["error.type"] == "TypeError"
    assert not failed.status.is_ok
    metric = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0]
    assert (metric.name, metric.unit) == ("gen_ai.client.operation.duration", "s")
    assert sum(point.count for point in metric.data.data_points) == 3


def test_logs_are_rapidembeds_and_quiet(minilm: str) -> None:
    assert logging.getLogger("rapidembed").level == logging.NOTSET
    code = f"from rapidembed import TextEmbedding as T; m = T({minilm!r}); m.encode(['a', 'b']); m.encode('a')"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_loading_is_logged_for_those_who_ask(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "rapidembed")
    folder = Path(__file__).parents[1] / "golden" / "base"
    with TextEmbedding(folder, threads=1) as model:
        model.encode("not for the log")
    assert any(record.name.startswith("rapidembed.") and "Loading" in record.message for record in caplog.records)
    assert "not for the log" not in caplog.text

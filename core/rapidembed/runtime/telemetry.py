"""Spans and metrics for OpenTelemetry, by its semantic conventions for generative AI (extra ``otel``).

>>> from rapidembed.runtime.telemetry import instrument
>>> end = instrument()  # doctest: +SKIP
>>> end()  # doctest: +SKIP

Only OpenTelemetry's API is needed, which does nothing until the application sets a provider. Neither inputs nor results
are recorded.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from rapidembed.runtime.hooks import Event, Observer, observe

_DURATION = "gen_ai.client.operation.duration"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
"""Seconds. The conventions' own begin at 10 ms, longer than most calls take here."""
_PROVIDER = "rapidembed"


def instrument(tracer_provider: Any = None, meter_provider: Any = None) -> Callable[[], None]:
    """Report every call that begins from now on: a client span, and how long it took.

    Spans are children of the current one, also where the call is awaited.

    Args:
        tracer_provider: of ``opentelemetry.trace``. None: the global one.
        meter_provider: of ``opentelemetry.metrics``. None: the global one.

    Returns:
        Ends it; calling that again does nothing.

    Raises:
        ImportError: OpenTelemetry's API is not installed.
    """
    try:
        from opentelemetry import metrics, trace
    except ImportError as error:
        raise ImportError(
            "Telemetry needs opentelemetry-api. Install it with: pip install 'rapidembed[otel]'"
        ) from error
    tracer = trace.get_tracer(_PROVIDER, tracer_provider=tracer_provider)
    duration = metrics.get_meter(_PROVIDER, meter_provider=meter_provider).create_histogram(
        _DURATION,
        unit="s",
        description="GenAI operation duration.",
        explicit_bucket_boundaries_advisory=_BUCKETS,
    )

    @contextmanager
    def report(event: Event) -> Iterator[None]:
        common = _attributes(event)
        counted = {} if event.inputs is None else {"rapidembed.inputs": event.inputs}
        # Not made the current one: a stream's would stay so while its user goes on.
        span = tracer.start_span(
            f"{common['gen_ai.operation.name']} {event.model}",
            kind=trace.SpanKind.INTERNAL,
            attributes={**common, **counted, "rapidembed.task": event.task},
        )
        started, failure = time.perf_counter(), {}
        try:
            yield
        except Exception as error:
            failure["error.type"] = type(error).__qualname__
            span.set_attributes(failure)
            span.set_status(trace.StatusCode.ERROR, str(error))
            raise
        finally:
            duration.record(time.perf_counter() - started, {**common, **failure})
            span.end()

    return observe(cast("Observer", report))  # whose errors pass through


def _attributes(event: Event) -> dict[str, str]:
    return {
        "gen_ai.operation.name": "rerank" if event.role == "pair" else "embeddings",
        "gen_ai.provider.name": _PROVIDER,
        "gen_ai.request.model": event.model,
        "rapidembed.role": event.role,
    }

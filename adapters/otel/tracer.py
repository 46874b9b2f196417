"""The desk's steps as OpenTelemetry's spans.

The provider is our own and never the process' global one: libraries that trace by themselves would tell
whole addresses, and in these stand the tokens of links. Errors are told by the name of their type.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from core import metrics
from core.tracing import FACTS, Fact, Kind
from core.version import VERSION

log = structlog.get_logger("otel")
SECONDS = 5.0
EVERY_MILLISECONDS = 2_000
MOST_WAITING = 4_096
LONGEST = 100
KINDS = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}
_propagator = TraceContextTextMapPropagator()


def start(endpoint: str, headers: str, *, part: str, share: float = 1.0) -> OtelTracer:
    """A tracer that sends to `<endpoint>/v1/traces`. `headers` are `name=value`, separated by commas; `share`
    is how much of what comes in is traced."""
    exporter = _exporter(endpoint, headers)
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)),
        resource=Resource.create(
            {
                "service.name": "deskbell",
                "service.version": VERSION,
                "service.instance.id": str(uuid4()),
                "deskbell.part": part,
            }
        ),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            _Told(exporter), max_queue_size=MOST_WAITING, schedule_delay_millis=EVERY_MILLISECONDS
        )
    )
    return OtelTracer(provider)


def look(endpoint: str, headers: str) -> bool:
    """Whether somebody takes traces there: nothing is sent, as they would be. May take seconds."""
    exporter = _exporter(endpoint, headers)
    try:
        return exporter.export(()) is SpanExportResult.SUCCESS
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call]


def _exporter(endpoint: str, headers: str) -> OTLPSpanExporter:
    # Its own words hold the collector's answers; ours say what matters.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    return OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces",
        headers=parse_env_headers(headers, liberal=True),
        timeout=SECONDS,
    )


class OtelTracer:
    """What `core.tracing` wants of a tracer."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("deskbell", VERSION)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None, facts: Mapping[str, Fact]) -> Iterator[_Step]:
        context = _propagator.extract({"traceparent": parent}) if parent else None
        span = self._tracer.start_span(name, context, KINDS[kind], _told(facts))
        step = _Step(span)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield step
        except Exception as error:
            step.failed(type(error).__name__)
            raise
        finally:
            step.end()

    def current(self) -> str | None:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent")

    def flush(self) -> None:
        """Send what waits; may take seconds."""
        self._provider.force_flush(int(SECONDS * 1000))

    def close(self) -> None:
        self.flush()
        self._provider.shutdown()


class _Step:
    """A span, as far as one may write into it."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **facts: Fact) -> None:
        self._span.set_attributes(_told(facts))

    def failed(self, error: str) -> None:
        if self._span.is_recording():
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR, error))

    def end(self) -> None:
        if self._span.is_recording():
            self._span.end()


class _Told(SpanExporter):
    """Sends, and says once that nobody takes it; what could not be sent is dropped."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._inner.export(spans)
        sent = result is SpanExportResult.SUCCESS
        metrics.count_spans(len(spans), sent=sent)
        if sent == self._away:
            self._away = not sent
            log.info("traces.sent") if sent else log.warning("traces.not_sent", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


def _told(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {
        f"deskbell.{name}": value[:LONGEST] if isinstance(value, str) else value
        for name, value in facts.items()
        if name in FACTS
    }

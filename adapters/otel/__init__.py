"""Traces to whoever takes OTLP over HTTP (a collector, Jaeger, Tempo). Loaded only where an address is set."""

from adapters.otel.tracer import OtelTracer, look, start

__all__ = ["OtelTracer", "look", "start"]

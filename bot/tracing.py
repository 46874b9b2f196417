"""Where traces go: to the collector of the settings, for as long as the desk runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core import tracing
from core.settings import Settings

CLOSE_SECONDS = 5.0


@asynccontextmanager
async def traced(settings: Settings, part: str) -> AsyncIterator[None]:
    """Trace what this process does, where an address is set; else nothing is even loaded."""
    if not settings.otlp_endpoint:
        yield
        return
    from adapters.otel import start

    headers = settings.otlp_headers.get_secret_value()
    tracer = start(settings.otlp_endpoint, headers, part=part, share=settings.trace_share)
    tracing.use(tracer)
    try:
        yield
    finally:
        tracing.use(None)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.to_thread(tracer.close)

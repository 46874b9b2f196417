"""Structured logs: dotted past-tense names and fields; ids bound, never content."""

from __future__ import annotations

import logging
import sys

import structlog

from core import tracing

_SECRETS = (
    "token",
    "password",
    "secret",
    "key",
    "authorization",
    "cookie",
    "email",
    "address",
    "text",
    "body",
    "subject",
)


def configure(form: str = "console") -> None:
    """Set the form of the logs (`console` or `json`), once at start."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        # Plain tracebacks: the others print local variables, which hold keys and what people wrote.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_secrets,
            _traced,
            *([_tracebacks] if form == "json" else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def _traced(_logger: object, _name: str, fields: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Of which trace a line is, where there are any."""
    if (parent := tracing.current()) is not None:
        fields["trace"] = parent.split("-")[1]
    return fields


_tracebacks = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _hide_secrets(
    _logger: object, _name: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """A last guard: fields that by their name hold something private are hidden."""
    for name in fields:
        if name != "event" and any(secret in name for secret in _SECRETS):
            fields[name] = "•••"
    return fields

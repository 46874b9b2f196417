"""The edge of every command: settings in, errors out as one line and an exit code."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn

import click
import structlog
from sqlalchemy.exc import DBAPIError

from bot import ending, environment
from core import settings as program
from core.errors import DeskError, StartError, Unreachable
from core.outage import is_outage
from core.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress

log = structlog.get_logger("bot.cli")
DID_NOT_WORK = 1
WRONG_START = 2
INTERRUPTED = 130


def run(work: Callable[[Settings], Coroutine[Any, Any, None]], *, quiet: bool = True) -> None:
    """Load the settings and do the work; a known error ends the program with one line.

    `quiet` commands log warnings only: what they have to say, they print.
    """
    try:
        settings = program.load()
        environment.check()
        if quiet:
            warnings_only()
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(work(settings))
            ending.quickly()
    except Unreachable as error:
        leave(str(error), DID_NOT_WORK)
    except StartError as error:
        leave(str(error), WRONG_START)
    except DeskError as error:
        leave(str(error), DID_NOT_WORK)
    except DBAPIError as error:
        leave(_of_database(error), DID_NOT_WORK)
    except OSError as error:
        leave(_of_system(error), DID_NOT_WORK)
    except KeyboardInterrupt:
        leave("Interrupted.", INTERRUPTED)


def leave(words: str, code: int) -> NoReturn:
    click.echo(f"deskbell: {' '.join(words.split())}", err=True)
    sys.exit(code)


def _of_database(error: DBAPIError) -> str:
    code = getattr(error.orig, "sqlstate", None) or type(error.orig).__name__
    if is_outage(error):
        return f"The database went away in the middle ({code}); start again when it is back."
    # A fault of the program: who mends it needs to know where.
    log.error("command.failed", exc_info=error)
    return f"The database refused a step of this ({code}); the lines above say where."


def _of_system(error: OSError) -> str:
    """What the system said, and about which file."""
    said = error.strerror or str(error) or type(error).__name__
    return f"{said}: {error.filename}" if error.filename else f"{said}."


def progress(unit: bool = True) -> Progress:
    """A progress bar on the standard error, silent where nobody looks at a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn()]
    columns += [MofNCompleteColumn()] if unit else [TextColumn("{task.percentage:>3.0f} %")]
    console = Console(stderr=True)
    return Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)


def _loop() -> asyncio.AbstractEventLoop:
    """uvloop, where it exists: the same, quicker."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def warnings_only() -> None:
    """What a quiet command logs."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

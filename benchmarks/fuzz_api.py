"""The API held to its own description, by requests that schemathesis makes of it.

    python -m benchmarks.fuzz_api [--each N] [--seed S] [--minutes M] [--quick] [--json]

Each operation is asked by every role and by a stranger, with what the description allows and with what it
does not; half of the time real things stand in the address and in the body, so that a request gets further
than to "not found". No answer may be a failure of ours, nor differ from the description in status, kind,
headers or shape.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import schemathesis
import structlog
from httpx import ASGITransport, AsyncClient, Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from benchmarks import world as worlds
from core import log
from core.access import Permission
from core.desk import Desk
from core.people import service as people
from core.people import tokens
from core.people.model import Person
from core.rate import Budget
from webui.api import door
from webui.api.document import document
from webui.app import make_app
from webui.site import Site

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
STRANGER = "stranger"
ROLES = ("requester", "agent", "lead", "admin")
Body = Callable[[str], Mapping[str, Any]]


@dataclass
class Fuzz:
    """`real` are things that exist, by the name of a path's parameter; `body` is what would be right to send."""

    client: AsyncClient
    tokens: Mapping[str, str]
    real: Callable[[str], Mapping[str, Any]]
    body: Body
    seed: int = 1
    seen: Counter[int] = field(default_factory=Counter)

    async def run(self, each: int, only: str = "") -> AsyncIterator[str]:
        """What differs, a line each, over all operations."""
        schema = schemathesis.openapi.from_dict(document())
        for found in schema.get_all_operations():
            operation = found.ok()
            for mode in MODES if only in operation.label else ():
                made = cases(operation, each, self.seed, mode)
                for number, case in enumerate(made):
                    who = (*self.tokens, STRANGER)[number % (len(self.tokens) + 1)]
                    if (line := await self._ask(case, who, number)) is not None:
                        yield line

    async def _ask(self, case: Any, who: str, number: int) -> str | None:
        source = random.Random(f"{self.seed}/{case.operation.label}/{number}")
        if source.random() < 0.6:
            self._make_real(case, source)
        given = case.as_transport_kwargs(base_url="http://test")
        headers = {
            name: value for name, value in given.pop("headers").items() if name.lower() != "authorization"
        }
        if who != STRANGER:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        try:
            request = self.client.build_request(headers=headers, **_sendable(given))
        except (TypeError, ValueError, UnicodeError):
            return None  # The client itself cannot say it.
        answer = await self.client.send(request)
        self.seen[answer.status_code] += 1
        return _difference(case, who, answer)

    def _make_real(self, case: Any, source: random.Random) -> None:
        path = case.operation.path
        real = self.real(path)
        if case.path_parameters:
            for name in case.path_parameters:
                if name in real:
                    case.path_parameters[name] = real[name]
        right = self.body(path)
        if isinstance(case.body, dict) and right:
            case.body = {**case.body, **right} if source.random() < 0.5 else {**right, **case.body}


def cases(operation: Any, count: int, seed: int, mode: GenerationMode) -> list[Any]:
    """So many requests of an operation, the same for the same seed."""
    made: list[Any] = []

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keep(case: Any) -> None:
        made.append(case)

    keep()
    return made


def _sendable(given: dict[str, Any]) -> dict[str, Any]:
    known = ("method", "url", "params", "json", "data", "content", "cookies")
    sent = {name: value for name, value in given.items() if name in known and value is not None}
    if isinstance(sent.get("data"), (bytes, str)):
        sent["content"] = sent.pop("data")
    return sent


def _difference(case: Any, who: str, answer: Response) -> str | None:
    if case.operation.path.count("{") and answer.status_code in (404, 405) and _elsewhere(case):
        return None
    try:
        case.validate_response(answer, checks=CHECKS)
    except (FailureGroup, AssertionError) as error:
        words = " ".join(str(one) for one in getattr(error, "exceptions", (error,)))
        sent = f"{case.path_parameters} {case.query} {case.body!r}"
        return f"{case.operation.label} {who} {answer.status_code}: {words} {sent}"[:900].replace("\n", " ")
    return None


def _elsewhere(case: Any) -> bool:
    """What was put into the address made another one of it."""
    return any("/" in str(value) or str(value) in ("", ".", "..") for value in case.path_parameters.values())


async def _people(desk: Desk) -> tuple[dict[str, str], dict[str, Any]]:
    """Someone of each role with a token for everything, and a ticket they may work on."""
    roles = desk.means.roles
    roles["requester"] = roles["requester"] | {Permission.use_api}
    made, real = {}, {}
    for role in ROLES:
        async with desk.unit() as uow:
            person: Person = await people.add(
                uow, name=role, role=role, email=f"{role}@example.com", verified=True
            )
            made[role] = await tokens.make(uow, person, "fuzz", list(tokens.SCOPES))
            real["person_id"] = str(person.id)
    return made, real


async def fuzz(each: int, seed: int, minutes: float, only: str) -> tuple[list[str], Counter[int]]:
    """A desk of its own, which what is asked may change: the next seed finds what the one before has left."""
    found: list[str] = []
    seen: Counter[int] = Counter()
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(worlds.server())
        desk = (await stack.enter_async_context(worlds.empty(embedded, "fuzz"))).desk
        given, real = await _people(desk)
        # How often one may ask is looked at elsewhere.
        door._budgets = Budget(10**9, door.SECONDS)
        site = Site(desk=desk, public_url="http://test")
        transport = ASGITransport(app=make_app(site), raise_app_exceptions=False)
        client = await stack.enter_async_context(
            AsyncClient(transport=transport, base_url="http://test", timeout=60)
        )
        authorised = {"Authorization": f"Bearer {given['requester']}"}
        opened = await client.post("/api/v1/tickets", json={"text": "help"}, headers=authorised)
        real["number"] = opened.json()["number"]
        ends = time.monotonic() + minutes * 60
        while not found:
            one = Fuzz(client, given, lambda _path: real, lambda _path: {}, seed)
            found += [line async for line in one.run(each, only=only)]
            seen += one.seen
            seed += 1
            if time.monotonic() >= ends:
                break
    return found, seen


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=50, help="requests of an operation, kind and turn")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="no turn begins later; one is made in any case"
    )
    parser.add_argument("--only", default="", help="operations whose name holds this")
    parser.add_argument("--quick", action="store_true", help="one turn, of few requests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log.configure()
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    begun = time.perf_counter()
    each, minutes = (5, 0.0) if options.quick else (options.each, options.minutes)
    found, seen = asyncio.run(fuzz(each, options.seed, minutes, options.only))
    for line in found:
        print(line)
    told = {
        "requests": sum(seen.values()),
        "finds": len(found),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - begun, 1),
        "answers": {str(status): count for status, count in sorted(seen.items())},
    }
    print(json.dumps(told) if options.json else " ".join(f"{name}={value}" for name, value in told.items()))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

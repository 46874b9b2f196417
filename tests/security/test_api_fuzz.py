"""The API as its own description has it, with every role and with what nobody would send: no failure of ours,
and no status that the description does not name."""

from __future__ import annotations

import random
import re
from typing import Any
from urllib.parse import quote

from benchmarks import fuzz
from tests.webui import test_access_matrix as matrix
from tests.webui.test_access_matrix import World
from webui.api.document import document

world = matrix.world
ODD = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    1.5,
    1e300,
    "",
    " ",
    "x" * 60_000,
    "\x00",
    "🙂",
    "%00",
    "../..",
    [],
    {},
    [None],
    {"id": 1},
    "1e400",
)
TRIES = 3


async def test_no_operation_fails_or_answers_what_it_does_not_say(world: World) -> None:
    source = random.Random(11)
    wrong: list[str] = []
    seen: dict[int, int] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            for who in ("stranger", "other", "requester", "agent", "admin"):
                for number in range(TRIES if who != "stranger" else 1):
                    spoilt = number % 2 == 1
                    address = _address(world, path, operation, source, spoilt=spoilt)
                    body = _body(world, path, operation, source)
                    given = {} if body is None else {"json": body}
                    headers = _headers(world, who)
                    answer = await world.client.request(method, address, headers=headers, **given)
                    seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
                    # An address that was spoilt may be another one, or none.
                    elsewhere = spoilt and answer.status_code in (404, 405)
                    if str(answer.status_code) not in operation["responses"] and not elsewhere:
                        wrong.append(f"{method} {address} {who} {answer.status_code} {body!r}"[:300])
    assert not wrong, "\n".join(wrong)
    assert sum(seen.values()) > 400
    assert {200, 201, 401, 403, 404, 422} <= set(seen)
    assert 429 not in seen


def _headers(world: World, who: str) -> dict[str, str]:
    return {"authorization": f"Bearer {world.tokens[who]}"} if who in world.tokens else {}


def _address(
    world: World, path: str, operation: dict[str, Any], source: random.Random, *, spoilt: bool
) -> str:
    """With real things in it, or with odd ones; and odd values behind the `?`."""
    if spoilt:
        filled = path
        for name in re.findall(r"\{(\w+)\}", path):
            filled = filled.replace(f"{{{name}}}", quote(str(source.choice(ODD))[:200] or "-", safe=""))
    else:
        filled = world.filled(path)
    asked = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    values = [f"{each['name']}={quote(_text(source))}" for each in asked if source.random() < 0.6]
    return filled + ("?" + "&".join(values) if values else "")


def _body(world: World, path: str, operation: dict[str, Any], source: random.Random) -> Any:
    """A true body of which something was changed; none where none is taken."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    known = content["application/json"]["schema"].get("$ref", "").rpartition("/")[2]
    fields = document()["components"]["schemas"].get(known, {}).get("properties", {})
    made: dict[str, Any] = {**world.body(path)}
    for name in fields:
        if source.random() < 0.4:
            made[name] = source.choice((*ODD, _text(source)))
    return source.choice((made, made, made, [made], "x", 1))


def _text(source: random.Random) -> str:
    """Anything that can be said in UTF-8."""
    return fuzz.made_text(source)[:2_000].encode("utf-8", "replace").decode()

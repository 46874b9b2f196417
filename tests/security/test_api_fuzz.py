"""The API as its own description has it, with every role and with what nobody would send: no failure of
ours, and nothing that the description does not name. `python -m benchmarks.fuzz_api` goes on for longer."""

from __future__ import annotations

import pytest

from benchmarks.fuzz_api import Fuzz
from core.rate import Budget
from tests.webui import test_access_matrix as matrix
from tests.webui.test_access_matrix import World
from webui.api import door

world = matrix.world
EACH = 8
"""Of each operation, of what is allowed and of what is not: over all roles and a stranger."""


async def test_no_operation_fails_or_answers_what_it_does_not_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_budgets", Budget(100_000, door.SECONDS))

    def real(path: str) -> dict[str, str]:
        values = dict(world.values)
        for beginning, others in world.closer:
            values |= others if path.startswith(beginning) else {}
        return values

    fuzz = Fuzz(world.client, world.tokens, real, world.body, seed=11)
    wrong = [line async for line in fuzz.run(EACH)]
    assert not wrong, "\n".join(wrong[:20])
    assert sum(fuzz.seen.values()) > 600
    assert {200, 201, 401, 403, 404, 422} <= set(fuzz.seen)
    assert 429 not in fuzz.seen

"""A platform that can be connected, in memory, with switches for what may be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.chat import Candidate, Finding, Guide, GuideField, Place, PostFailed, Tried
from core.errors import Invalid
from tests.fakes.chat import FakeChat

GOOD = "good-token"


@dataclass
class FakePlatform(FakeChat):
    """Takes `GOOD` as its token. `lacks` is a scope that it has not, `silent` answers nothing."""

    lacks: str = ""
    silent: bool = False
    tried: list[Mapping[str, str]] = field(default_factory=list)

    def guide(self, public_url: str) -> Guide:
        return Guide(
            steps=("Open the **portal**.", f"Give it {public_url}/chat/fake <script>alert(1)</script>"),
            fields=(
                GuideField("bot_token", "Bot token", "begins with good"),
                GuideField("server", "Server", secret=False, required=False),
            ),
            document='{"manifest": "<paste me>"}',
        )

    async def try_out(self, values: Mapping[str, str]) -> Tried:
        self.tried.append(values)
        if self.silent:
            raise PostFailed("silent")
        if values.get("bot_token") != GOOD:
            raise Invalid("This token is not taken.", field="bot_token")
        findings = (Finding("token", True), Finding("rooms:read", self.lacks != "rooms:read", "No rooms."))
        return Tried("W1", "Acme", {"bot_token": GOOD}, findings)

    async def candidates(self, installation: str) -> Sequence[Candidate]:
        if self.silent:
            raise PostFailed("silent")
        return [Candidate(Place(self.name, installation, f"c{n}"), f"#room <{n}>") for n in (1, 2)]

    async def check(self) -> Sequence[Finding]:
        return [Finding("token", True), Finding("topics", False, "Topics are off.")]

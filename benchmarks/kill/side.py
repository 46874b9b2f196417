"""What a platform's stand-in offers to the benchmark: people who talk, and what they see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

OPENING = "A question"
"""The first line of each first message: it becomes the subject, which stands on cards too."""


@dataclass(frozen=True, slots=True)
class Line:
    """A message as people see it, in its place in the order."""

    native: str
    text: str
    by_bot: bool
    head: bool = False
    """The card above a thread, which shows the subject."""


class Side(Protocol):
    """One platform with a requester's side, an agent, and a room for the desk."""

    name: str
    deletes: bool
    """Whether the platform tells a bot of deletions."""
    burst: int
    """Things said in one run."""

    async def open(self, seed: int) -> None: ...
    async def close(self) -> None: ...
    @property
    def environment(self) -> dict[str, str]:
        """What an admin would put into `.env`."""
        ...

    @property
    def facts(self) -> dict[str, Any]:
        """`installation`, `room`, and `agent`: the id and name of the one who answers."""
        ...

    async def joins(self, name: str) -> str:
        """Somebody new, who has not said anything yet."""
        ...

    async def says(self, who: str, text: str) -> str:
        """In the chat with the bot; the message's id."""
        ...

    async def edits(self, who: str, native: str, text: str) -> None: ...
    async def deletes_own(self, who: str, native: str) -> None: ...
    async def agent_says(self, thread: str, text: str) -> str: ...
    async def agent_edits(self, thread: str, native: str, text: str) -> None: ...
    async def agent_deletes(self, thread: str, native: str) -> None: ...
    async def agent_commands(self, thread: str, name: str, text: str = "") -> bool:
        """Whether it is sure that the desk has taken the command."""
        ...

    async def chat(self, who: str) -> list[Line]:
        """What the requester's chat shows, the oldest first."""
        ...

    async def threads(self) -> dict[str, list[Line]]:
        """What the threads of the desk's room show."""
        ...

    async def news(self, after: int) -> tuple[int, list[str]]:
        """What bots have said since a number, as soon as there is something; with the next number."""
        ...

    def misbehave(self) -> None: ...
    def behave(self) -> None: ...
    @property
    def pending(self) -> int:
        """What the platform still has to tell the bot."""
        ...

    @property
    def connected(self) -> bool: ...
    @property
    def struck(self) -> dict[str, int]:
        """How often what went wrong."""
        ...

"""The errors a desk raises on purpose.

DeskError
├── NotFound            what does not exist, or may not be seen by the asker
├── Forbidden           seen, but not allowed
├── Refused             the step is unlawful in the present state
├── Invalid             the input itself is wrong
│   └── TooLarge
├── Conflict            somebody else was first
├── TooMany             a budget is used up; try again later
├── Unavailable         an outside thing does not answer now
└── StartError          the program cannot start; one line says what to do

Each carries words for the person who caused it; surfaces (card, page, JSON problem)
show `str(error)` and nothing else.
"""

from __future__ import annotations

from typing import ClassVar


class DeskError(Exception):
    """Base of all errors with words for a person. `code` is stable, for programs."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, words: str, **facts: object) -> None:
        super().__init__(words)
        self.words = words
        self.facts = facts


class NotFound(DeskError):
    code = "not_found"
    status = 404


class Forbidden(DeskError):
    code = "forbidden"
    status = 403


class Refused(DeskError):
    code = "refused"
    status = 409


class Invalid(DeskError):
    """`field` names the input that is wrong, when one input is."""

    code = "invalid"
    status = 422

    def __init__(self, words: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(words, **facts)
        self.field = field


class TooLarge(Invalid):
    code = "too_large"
    status = 413


class Conflict(DeskError):
    code = "conflict"
    status = 409


class TooMany(DeskError):
    """`after` is the number of seconds after which a new try makes sense."""

    code = "too_many"
    status = 429

    def __init__(self, words: str, *, after: float = 60, **facts: object) -> None:
        super().__init__(words, **facts)
        self.after = after


class Unavailable(DeskError):
    code = "unavailable"
    status = 503


class StartError(DeskError):
    """The program cannot start: the words say in one line what is wrong and what to do."""

    code = "start"


class Unreachable(StartError):
    """What the program stands on does not answer now: starting again may help."""

    code = "unreachable"

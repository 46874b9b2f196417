"""The one language of conditions, for routing, saved views, search filters and automation.

A condition is written as JSON, `{"all": [...]}`, `{"any": [...]}`, `{"not": {...}}` or
`{"field": "priority", "op": "is", "value": "high"}`, over fields that are declared as data.
It is evaluated over facts (`matches`, `explain`) or compiled for PostgreSQL (`to_sql`), and
both say the same of the same row.

What is missing (absent or None) is equal to nothing, in no list, contains nothing and is
neither smaller nor larger, neither before nor after. So `is_not` holds for it, and `not`
is always the exact opposite of what it wraps. Text is compared letter by letter: where case
should not matter, the facts, the column and the field (`folded`) are all folded by `fold`.
"""

from core.conditions.fields import MAX_VALUES, Field, Fields, Kind, Op, operators
from core.conditions.folding import fold, words_of
from core.conditions.matching import Trace, explain, matches
from core.conditions.model import All, Any, Condition, Name, Not, Test, always, bind
from core.conditions.parsing import MAX_DEPTH, MAX_NODES, parse, to_json
from core.conditions.sql import Column, through, to_sql
from core.conditions.times import Moment, parse_moment
from core.conditions.wording import describe, describe_trace

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "MAX_VALUES",
    "All",
    "Any",
    "Column",
    "Condition",
    "Field",
    "Fields",
    "Kind",
    "Moment",
    "Name",
    "Not",
    "Op",
    "Test",
    "Trace",
    "always",
    "bind",
    "describe",
    "describe_trace",
    "explain",
    "fold",
    "matches",
    "operators",
    "parse",
    "parse_moment",
    "through",
    "to_json",
    "to_sql",
    "words_of",
]

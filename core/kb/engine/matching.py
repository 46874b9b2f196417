"""How well the words of a question match those of articles: exactly and by meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.kb.engine.arrays import Floats, Ints
from core.kb.engine.asking import Group, Question
from core.kb.engine.postings import strength
from core.kb.engine.reading import Reading
from core.kb.engine.shelf import Shelf


class Matcher:
    """The stems of one question as a table, so that many articles are matched at once."""

    def __init__(self, question: Question, shelf: Shelf) -> None:
        self._question = question
        self._shelf = shelf
        self._telling = question.telling
        columns = len(question.groups) + len(self._telling)
        self._rows = np.zeros(len(shelf.lexicon) + 1, np.int32)
        table = [np.zeros(columns, np.float32)]
        self._enter(table, 0, question.groups, alike=False)
        self._enter(table, len(question.groups), self._telling, alike=True)
        self._table = np.array(table, np.float32)

    def shares(self, readings: Sequence[Reading]) -> tuple[Floats, Floats]:
        """By article and word, 0 to 1: how strongly it has each word, and each telling word's meaning."""
        counts = self._counts(readings)
        lengths = np.array([reading.length for reading in readings], np.float32)[:, None]
        found = strength(counts, lengths, self._shelf.postings.usual_length)
        return found[:, : len(self._question.groups)], found[:, len(self._question.groups) :]

    def _enter(self, table: list[Floats], first: int, groups: Sequence[Group], *, alike: bool) -> None:
        for column, group in enumerate(groups, first):
            values = group.alike if alike else dict.fromkeys(group.exact, 1.0)
            for number, value in values.items():
                if not self._rows[number]:
                    self._rows[number] = len(table)
                    table.append(np.zeros(len(table[0]), np.float32))
                table[self._rows[number]][column] = value

    def _counts(self, readings: Sequence[Reading]) -> Floats:
        counts = np.zeros((len(readings), self._table.shape[1]), np.float32)
        stems, owners = _joined([reading.stems for reading in readings])
        times, _ = _joined([reading.times for reading in readings])
        rows = self._rows[stems]
        hit = np.flatnonzero(rows)
        if len(hit):
            owners = owners[hit]
            starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
            parts = self._table[rows[hit]] * times[hit, None].astype(np.float32)
            counts[owners[starts]] = np.add.reduceat(parts, starts, axis=0)
        return counts


def _joined(parts: Sequence[Ints]) -> tuple[Ints, Ints]:
    owners = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part) for part in parts])
    return (np.concatenate(parts) if parts else np.zeros(0, np.int32)), owners

"""An index as bytes, so that a start need not read every article again.

A zip of numpy arrays, as `numpy.savez` writes them, without anything that could run code. What
belongs to one version or one table of vectors is refused by any other.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from core.kb.engine.learning import Example, Taught
from core.kb.engine.lessons import Lessons
from core.kb.engine.lexicon import Neighbours
from core.kb.engine.library import Library
from core.kb.engine.reading import Reading
from core.kb.engine.space import Space
from core.kb.engine.vectors import Sentences, WordVectors

VERSION = 1
_Arrays = dict[str, NDArray[Any]]


class Unusable(ValueError):
    """The bytes are no snapshot, or one of another version or with other vectors."""


def dumps(library: Library, lessons: Lessons) -> bytes:
    """The articles and the lessons of an index."""
    arrays = {**_of_shelf(library), **_of_lessons(lessons)}
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **arrays)
    return out.getvalue()


def loads(data: bytes, vectors: WordVectors, sentences: Sentences) -> tuple[Library, Lessons]:
    """An index as it was."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays: _Arrays = {name: file[name] for name in file.files}
        head = _json(arrays["head"])
        if head["version"] != VERSION or head["vectors"] != [vectors.name, sentences.name, sentences.width]:
            raise Unusable("a snapshot of another version or with other vectors")
        return _library(arrays, head, vectors, sentences), _lessons(arrays, head)
    except (KeyError, IndexError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as fault:
        if isinstance(fault, Unusable):
            raise
        raise Unusable("not a snapshot, or a damaged one") from fault


def _of_shelf(library: Library) -> _Arrays:
    shelf = library.shelf
    kept = [shelf.at(place) for place in shelf.places.values()]
    places = np.fromiter(shelf.places.values(), np.intp)
    near = shelf.lexicon.neighbours
    head = {
        "version": VERSION,
        "vectors": library.names,
        "ids": [reading.id for reading in kept],
        "titles": [reading.title for reading in kept],
        "languages": [reading.language for reading in kept],
        "stems": list(shelf.lexicon.numbers),
        "words": library.spelling.counts,
        "usual": shelf.postings.usual_length,
    }
    return {
        "head": _bytes(head),
        "shown": np.frombuffer(b"".join(reading.shown for reading in kept), np.uint8),
        "shown_sizes": np.array([len(reading.shown) for reading in kept], np.int64),
        "article_stems": _joined([reading.stems for reading in kept], np.int32),
        "times": _joined([reading.times for reading in kept], np.int32),
        "stem_sizes": np.array([len(reading.stems) for reading in kept], np.int64),
        "lengths": np.array([reading.length for reading in kept], np.int64),
        "passages": np.concatenate([np.zeros((0, library.width), np.int8), *(r.vectors for r in kept)]),
        "passage_sizes": np.array([len(reading.vectors) for reading in kept], np.int64),
        "means": shelf.means[places],
        "title_rows": shelf.titles[places],
        "sketch_turn": shelf.sketch_turn,
        "middle": shelf.space.middle,
        "turn": shelf.space.turn,
        "near_rows": near.rows,
        "near_numbers": near.numbers,
    }  # fmt: skip


def _of_lessons(lessons: Lessons) -> _Arrays:
    examples = [[one.question, one.article, one.solved] for one in lessons.examples()]
    fitted = [[one.question, one.article, one.solved] for one in lessons.fitted]
    taught = lessons.taught
    told = {"examples": examples, "fitted": fitted, "stale": lessons.stale}
    arrays: _Arrays = {"lessons": _bytes(told), "lesson_rows": lessons.rows.astype(np.float16)}
    if taught is not None:
        arrays |= {
            "taught": _bytes({"articles": taught.articles, "trust": taught.trust, "scale": taught.scale}),
            "taught_middle": taught.middle,
            "standing": taught.standing.astype(np.float16),
            "taught_weights": taught.weights,
        }
    return arrays


def _library(arrays: _Arrays, head: dict[str, Any], vectors: WordVectors, sentences: Sentences) -> Library:
    library = Library(vectors, sentences)
    shelf = library.shelf
    for stem in head["stems"]:
        shelf.lexicon.number(stem)
    shelf.space = Space(arrays["middle"], arrays["turn"])
    shelf.sketch_turn = arrays["sketch_turn"]
    shelf.restore(_readings(arrays, head), arrays["means"], arrays["title_rows"], head["usual"])
    shelf.lexicon.neighbours = Neighbours(arrays["near_rows"].astype(np.float32), arrays["near_numbers"])
    library.spelling.learn(head["words"])
    return library


def _readings(arrays: _Arrays, head: dict[str, Any]) -> list[Reading]:
    shown = arrays["shown"].tobytes()
    texts = _ends(arrays["shown_sizes"])
    stems = _ends(arrays["stem_sizes"])
    passages = _ends(arrays["passage_sizes"])
    return [
        Reading(
            id=head["ids"][at],
            title=head["titles"][at],
            language=head["languages"][at],
            shown=shown[texts[at] : texts[at + 1]],
            stems=arrays["article_stems"][stems[at] : stems[at + 1]],
            times=arrays["times"][stems[at] : stems[at + 1]],
            length=int(arrays["lengths"][at]),
            vectors=arrays["passages"][passages[at] : passages[at + 1]],
        )
        for at in range(len(head["ids"]))
    ]


def _lessons(arrays: _Arrays, head: dict[str, Any]) -> Lessons:
    told = _json(arrays["lessons"])
    lessons = Lessons()
    for question, article, solved in told["examples"]:
        lessons.add(Example(question, article, solved))
    lessons.fitted = [Example(*one) for one in told["fitted"]]
    lessons.rows = arrays["lesson_rows"].astype(np.float32)
    lessons.stale = told["stale"]
    if "taught" in arrays:
        about = _json(arrays["taught"])
        standing = arrays["standing"].astype(np.float32)
        lessons.taught = Taught(
            about["articles"],
            arrays["taught_middle"],
            standing,
            arrays["taught_weights"],
            about["trust"],
            about["scale"],
        )
    return lessons


def _ends(sizes: NDArray[Any]) -> list[int]:
    return [0, *np.cumsum(sizes).tolist()]


def _joined(parts: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts])


def _bytes(value: object) -> NDArray[Any]:
    return np.frombuffer(orjson.dumps(value), np.uint8)


def _json(array: NDArray[Any]) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(array.tobytes())
    return found

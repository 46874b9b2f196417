from __future__ import annotations

import pytest

from core.kb.engine import Engine, Unusable
from core.kb.engine.vectors import LetterVectors
from tests.kb.engine.world import made

ASKED = ["reset my password", "the wheel loses air", "where is my parcel", "pasword", "hello"]


def test_what_was_saved_answers_as_before() -> None:
    engine = made()
    engine.learn("the wheel loses air", "tyre")
    engine.add("bell", "Ring the bell", "Press the lever.")
    engine.remove("chain")
    engine.settle()

    other = Engine()
    other.loads(engine.dumps())

    for asked in ASKED:
        _same(other.search(asked, 5), engine.search(asked, 5))
        assert len(other.suggest(asked, 3)) == len(engine.suggest(asked, 3))
    assert other.learned() == engine.learned()
    assert other.best_sentence("press the lever", "bell") == "Press the lever."


def test_what_was_saved_can_go_on() -> None:
    other = Engine()
    other.loads(made().dumps())
    other.add("bell", "Ring the zyxwv", "Press it.")
    other.remove("tyre")

    assert other.search("zyxwv", 1)[0][0] == "bell"
    assert "tyre" not in dict(other.search("flat tyre", 20))
    assert other.complete("ring the zyx", 1)[0][0] == "bell"


def test_an_empty_index_can_be_saved() -> None:
    other = Engine()
    other.loads(Engine().dumps())

    assert other.search("anything", 3) == []


@pytest.mark.parametrize("data", [b"", b"PK", b"no snapshot at all", made().dumps()[:-400]])
def test_damaged_bytes_are_refused(data: bytes) -> None:
    engine = made()
    with pytest.raises(Unusable):
        engine.loads(data)

    assert engine.search("reset password", 1)[0][0] == "password"


def test_other_vectors_are_refused() -> None:
    if made().dumps() == made(LetterVectors()).dumps():
        pytest.skip("the package with the word vectors is not installed")
    with pytest.raises(Unusable):
        Engine().loads(made(LetterVectors()).dumps())


def _same(one: list[tuple[str, float]], other: list[tuple[str, float]]) -> None:
    assert [article for article, _ in one] == [article for article, _ in other]
    assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=0.01)

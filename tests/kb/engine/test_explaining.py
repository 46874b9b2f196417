from __future__ import annotations

import pytest

from core.kb.engine import Engine
from tests.kb.engine.world import made


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = made()
    engine.learn("there is a nail in my wheel", "tyre")
    engine.learn("nail polish on the wheel", "tyre", solved=False)
    engine.settle()
    return engine


def test_words_sentences_and_past_questions_are_named(engine: Engine) -> None:
    why = engine.explain("a nail made a hole in my tube", "tyre")

    assert why is not None
    assert {"hole", "tube"} <= {reason.word for reason in why.words}
    assert "hole" in next(reason.found for reason in why.words if reason.word == "hole")
    assert why.sentences[0].sentence == "Take the tube out and find the hole."
    assert {(past.question, past.solved) for past in why.past} == {
        ("there is a nail in my wheel", True),
        ("nail polish on the wheel", False),
    }
    assert why.signs["words"] > 0


def test_strongest_reasons_come_first(engine: Engine) -> None:
    why = engine.explain("patch and glue for the tube", "tyre")

    assert why is not None
    assert [word.strength for word in why.words] == sorted(
        (word.strength for word in why.words), reverse=True
    )
    assert [one.nearness for one in why.sentences] == sorted(
        (one.nearness for one in why.sentences), reverse=True
    )


def test_nothing_speaks_for_an_unrelated_article(engine: Engine) -> None:
    why = engine.explain("qqqq", "helmet")

    assert why is not None
    assert why.words == []


def test_an_unknown_article_has_no_reasons(engine: Engine) -> None:
    assert engine.explain("tyre", "nowhere") is None


def test_the_sentence_that_answers(engine: Engine) -> None:
    assert engine.best_sentence("how much oil", "chain") == "One drop of oil on each link is enough."
    assert engine.best_sentence("which cloth", "chain") == "Wipe the chain with a dry cloth."


def test_an_article_without_a_body_answers_with_its_title() -> None:
    engine = Engine()
    engine.add("short", "Only a title", "")

    assert engine.best_sentence("title", "short") == "Only a title"


def test_memory_is_told_by_kind(engine: Engine) -> None:
    memory = engine.memory()

    assert {"article vectors", "passage vectors", "words", "texts", "lessons"} == set(memory)
    assert all(size > 0 for size in memory.values())


@pytest.mark.parametrize(
    ("typed", "article"),
    [
        ("pass", "password"), ("reset pas", "password"), ("how do I oil the cha", "chain"), ("warra", "warranty"),
        ("warrnt", "warranty"), ("squaek", "brakes"), ("battery ", "battery"), ("Download an inv", "invoice"),
    ],
)  # fmt: skip
def test_articles_are_found_as_one_types(engine: Engine, typed: str, article: str) -> None:
    assert article in [found for found, _ in engine.complete(typed, 2)]


def test_nothing_typed_finds_nothing(engine: Engine) -> None:
    assert engine.complete("", 5) == []
    assert engine.complete("  ", 5) == []

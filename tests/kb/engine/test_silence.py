from __future__ import annotations

import pytest

from core.kb.engine import Engine
from tests.kb.engine.world import ARTICLES, made


@pytest.fixture(scope="module")
def engine() -> Engine:
    return made()


@pytest.mark.parametrize(
    "said",
    [
        "hello", "Hi there!", "good morning", "thanks a lot", "thank you so much", "ok", "yes", "no",
        "how are you?", "who are you", "are you a bot?", "what is your name", "bye", "lol", "you are stupid",
        "tell me a joke", "i am so sad today", "can you help me please", "what's up",
    ],
)  # fmt: skip
def test_small_talk_gets_nothing(engine: Engine, said: str) -> None:
    assert engine.suggest(said, 3) == []


@pytest.mark.parametrize(
    "asked",
    [
        "who won the football match yesterday",
        "what is the capital of Peru",
        "recipe for apple pie with cinnamon",
        "how far away is the moon",
        "is my cat allowed to eat chocolate",
    ],
)
def test_questions_about_other_things_get_nothing(engine: Engine, asked: str) -> None:
    assert engine.suggest(asked, 3) == []


@pytest.mark.parametrize(
    ("asked", "article"),
    [
        ("How can I reset my password?", "password"),
        ("the battery of my bike does not charge", "battery"),
        ("how do I download an invoice as PDF", "invoice"),
        ("my front light flickers all the time", "light"),
    ],
)
def test_plain_questions_get_their_article(engine: Engine, asked: str, article: str) -> None:
    assert article in [found for found, _ in engine.suggest(asked, 3)]


def test_at_most_as_many_as_wanted(engine: Engine) -> None:
    assert len(engine.suggest("how do I reset my password", 1)) == 1


def test_more_caution_is_more_silence() -> None:
    asked = ["reset password", "battery", "how do I oil the chain", "the light flickers at night"]
    spoken = [_spoken(caution, asked) for caution in (0.0, 0.6, 0.95, 1.0)]

    assert spoken == sorted(spoken, reverse=True)
    assert spoken[0] == len(asked)
    assert spoken[-1] == 0


def test_sureness_tells_a_question_from_small_talk(engine: Engine) -> None:
    asked, said = engine.sureness("how do I reset my password"), engine.sureness("how are you today")

    assert asked.certainty > said.certainty
    assert asked.small_talk < said.small_talk


def _spoken(caution: float, asked: list[str]) -> int:
    engine = Engine(caution=caution)
    engine.index(ARTICLES)
    return sum(bool(engine.suggest(one, 3)) for one in asked)

from __future__ import annotations

import random

import numpy as np

from core.kb.engine import Engine, Example
from core.kb.engine.learning import taught
from tests.kb.engine.world import ARTICLES, first, made

PAST = {
    "tyre": ["my wheel went soft on the way", "there is a nail in my wheel", "the wheel loses air", "puncture again",
             "hissing sound from the wheel", "air goes out overnight", "rode over glass", "pump does not help any more"],
    "battery": ["it stays dark when I plug it in", "only 3 km and it is empty", "the motor has no power", "dead overnight",
                "left it in the cold garage", "the lamp stays red", "no juice", "the display shows 0 percent"],
    "workshop": ["when can I come by", "can somebody look at my bike", "free slot on monday", "make an appointment",
                 "is there time this week", "how soon can you fix it", "service before summer", "yearly inspection"],
}  # fmt: skip


def test_a_past_question_brings_its_article_up() -> None:
    engine = made()
    asked = "the thing with the rubber is hissing"
    before = [found for found, _ in engine.search(asked, 14)].index("tyre")

    engine.learn(asked, "tyre")
    after = [found for found, _ in engine.search(asked, 14)].index("tyre")
    assert after < before or after == 0


def test_what_is_forgotten_is_as_never_learned() -> None:
    engine = made()
    asked = "the yellow gadget makes noise"
    before = engine.search(asked, 5)
    engine.learn(asked, "helmet")
    assert engine.search(asked, 5) != before

    assert engine.forget(asked, "helmet")
    assert engine.search(asked, 5) == before
    assert engine.learned() == []
    assert not engine.forget(asked, "helmet")


def test_questions_like_past_ones_are_answered_better() -> None:
    engine, asked = made(), _asked()
    before = _right(engine, asked)
    for article, questions in PAST.items():
        for question in questions[:6]:
            engine.learn(question, article)

    assert _right(engine, asked) >= before
    assert first(engine, "the wheel loses air again") == "tyre"


def test_wrong_lessons_are_not_trusted() -> None:
    """Past questions that contradict each other help nobody, and so count nothing."""
    engine = made()
    rng = random.Random(5)
    asked = [(title, article) for article, title, _ in ARTICLES]
    for article, title, body in ARTICLES:
        for line in [title, *body.split("\n")]:
            engine.learn(line + " please", article)
            engine.learn("so " + line.lower(), rng.choice(ARTICLES)[0])
    assert _right(engine, asked) == len(asked)


def test_a_dismissed_article_goes_down() -> None:
    engine = made()
    asked = "make an appointment for monday"
    for question in PAST["workshop"]:
        engine.learn(question, "workshop")
    score = dict(engine.search(asked, 14))["workshop"]

    engine.learn("make an appointment for a monday", "workshop", solved=False)
    assert dict(engine.search(asked, 14))["workshop"] < score


def test_lessons_about_articles_that_are_gone_wait() -> None:
    engine = made()
    engine.learn("rode over glass", "tyre")
    engine.remove("tyre")
    assert "tyre" not in dict(engine.search("rode over glass", 14))

    engine.learn("something unknown", "never there")
    engine.search("anything", 3)
    assert Example("rode over glass", "tyre") in engine.learned()


def test_a_lazy_engine_is_quick_to_learn_and_a_busy_one_waits_for_settle() -> None:
    engine = Engine(lazily=False)
    engine.index(ARTICLES)
    before = engine.search("zzz of the rubber thing", 3)
    engine.learn("zzz of the rubber thing", "tyre")
    assert engine.search("zzz of the rubber thing", 3) == before

    engine.settle()
    assert engine.search("zzz of the rubber thing", 3) != before


def test_the_same_lesson_counts_once() -> None:
    engine = made()
    for _ in range(5):
        engine.learn("No  juice!", "battery")
    engine.learn("no juice", "battery")

    assert engine.learned() == [Example("no juice", "battery")]


def test_leaving_one_out_is_as_if_it_had_never_been_there() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((12, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    owners = np.array([0, 1, 2] * 4, np.int32)
    ids, scores = ["a", "b", "c"], np.zeros(3, np.float32)

    fitted = taught(rows, owners, np.ones(12, np.float32), 12, ids, lambda _: (ids, scores))
    assert fitted.verdicts(rows[0])[0] > 0.3
    assert fitted.trust >= 0


def _asked() -> list[tuple[str, str]]:
    return [(question, article) for article, questions in PAST.items() for question in questions[6:]]


def _right(engine: Engine, asked: list[tuple[str, str]]) -> int:
    return sum(first(engine, question) == article for question, article in asked)

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from core.kb.engine import Engine
from tests.kb.engine.world import ARTICLES, first, made


def test_a_new_article_is_found_at_once() -> None:
    engine = made()
    engine.add("bell", "Ring the zyxwv bell", "Press the zyxwv lever on the bar.")

    assert first(engine, "zyxwv lever") == "bell"
    assert engine.best_sentence("press lever", "bell") == "Press the zyxwv lever on the bar."


def test_a_changed_article_is_found_by_its_new_words_only() -> None:
    engine = made()
    engine.add("tyre", "Ring the bell", "Press the lever on the bar.")

    assert first(engine, "ring the bell") == "tyre"
    assert first(engine, "book the workshop") == "workshop"
    assert "patch" not in engine.best_sentence("glue a patch", "tyre")
    assert len(engine) == len(ARTICLES)


def test_a_removed_article_is_gone_everywhere() -> None:
    engine = made()
    assert engine.remove("tyre")

    assert "tyre" not in dict(engine.search("repair a flat tyre", 20))
    assert "tyre" not in dict(engine.complete("repair a fl", 20))
    assert engine.explain("repair a flat tyre", "tyre") is None
    assert engine.best_sentence("repair a flat tyre", "tyre") == ""
    assert not engine.remove("tyre")


def test_an_article_may_come_into_an_empty_index() -> None:
    engine = Engine()
    engine.add("bell", "Ring the bell", "Press the lever.")

    assert first(engine, "ring the bell") == "bell"


def test_many_changes_are_tidied_up() -> None:
    engine = made()
    for turn in range(230):
        engine.add("changing", f"Version {turn} of the manual", f"This is text number {turn} about gears.")
    engine.settle()

    assert first(engine, "version 229 of the manual") == "changing"
    assert first(engine, "reset password") == "password"
    assert len(engine) == len(ARTICLES) + 1


def test_what_changes_during_a_build_is_kept() -> None:
    engine = made()
    halfway, go_on = threading.Event(), threading.Event()

    def slow_articles() -> list[tuple[str, str, str]]:
        halfway.set()
        assert go_on.wait(10)
        return ARTICLES

    builder = threading.Thread(target=lambda: engine.index(_Slow(slow_articles)))
    builder.start()
    assert halfway.wait(10)
    engine.add("bell", "Ring the bell", "Press the lever.")
    engine.remove("tyre")
    assert first(engine, "ring the bell") == "bell"
    go_on.set()
    builder.join(10)

    assert first(engine, "ring the bell") == "bell"
    assert "tyre" not in dict(engine.search("repair a flat tyre", 20))


def test_searches_go_on_while_articles_change() -> None:
    engine = made()

    def search() -> int:
        return sum(
            len(engine.search("repair a flat tyre", 5)) + len(engine.suggest("oil", 3)) for _ in range(60)
        )

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(search) for _ in range(3)]
        for turn in range(60):
            engine.add("tyre", "Repair a flat tyre", f"Version {turn}.")
            engine.remove("chain")
        engine.learn("there is a nail in the wheel", "tyre")

        assert all(one.result(30) >= 300 for one in found)


class _Slow:
    """Articles that take their time to come."""

    def __init__(self, articles: object) -> None:
        self._articles = articles

    def __iter__(self) -> object:
        return iter(self._articles())  # type: ignore[operator]

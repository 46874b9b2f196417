from __future__ import annotations

import numpy as np
import orjson
import pytest

from core.kb.engine.passages import MAX_PASSAGES, passages
from core.kb.engine.safetensors import read_tensors
from core.kb.engine.space import fitted, nearness, small
from core.kb.engine.spelling import Spelling, slip_cost
from core.kb.engine.vectors import LetterVectors, package_file, word_vectors
from core.kb.engine.wordpieces import WordPieces
from core.kb.engine.words import language_key, stem, words


def test_words_keep_apostrophes_and_lose_marks() -> None:
    assert words("Don’t PANIC, it's e-mail #42!") == ["don't", "panic", "it's", "e", "mail", "42"]


def test_scripts_without_spaces_are_read_in_pairs() -> None:
    assert words("再設定") == ["再設", "設定"]


def test_stems_follow_the_language() -> None:
    assert stem("bicycles") == stem("bicycle")
    assert stem("Rechnungen".lower(), "de") == stem("rechnung", "de")
    assert language_key("de-AT") == "de"
    assert language_key("tlh") == "en"


@pytest.mark.parametrize("typed", ["payemnt", "paymnt", "paymment", "pauyment", "payent", "paymenr"])
def test_slips_are_put_right(typed: str) -> None:
    spelling = Spelling({})
    spelling.learn({"payment": 3, "pavement": 1, "apartment": 2})

    assert spelling.meant(typed) == "payment"


@pytest.mark.parametrize("word", ["frozen", "steak", "june", "qqqq", "ab", "12345", "wärme"])
def test_words_that_are_far_from_all_stay(word: str) -> None:
    spelling = Spelling({"broken": 5, "speak": 9, "june": 30})
    spelling.learn({"jude": 2, "broken": 7, "wärme": 1})

    assert spelling.meant(word) == word


def test_a_missing_space_is_put_in() -> None:
    spelling = Spelling({})
    spelling.learn({"front": 2, "light": 5})

    assert spelling.meant("frontlight") == "front light"


def test_likely_slips_cost_less() -> None:
    assert slip_cost("payment", "payment") == 0
    assert slip_cost("payemnt", "payment") < slip_cost("paxment", "payment")
    assert slip_cost("paymment", "payment") < slip_cost("payzment", "payment")
    assert slip_cost("oayment", "payment") > slip_cost("paymenr", "payment")


def test_passages_are_bounded() -> None:
    assert len(passages("One sentence. " * 5_000)) == MAX_PASSAGES
    assert all(len(passage.words) <= 40 for passage in passages("word " * 500))


def test_pieces_follow_the_merges() -> None:
    merges = {("a", "b"): 0, ("▁", "ab"): 1, ("c", "d"): 2}
    pieces = WordPieces({"▁ab": 7, "cd": 8, "c": 9}, merges)

    assert pieces.ids("abcd") == [7, 8]
    assert pieces.ids("abc?") == [7, 9]
    assert pieces.whole_words() == {"ab": 7}


def test_tensors_are_read() -> None:
    numbers = np.arange(6, dtype=np.float16).reshape(2, 3)
    head = orjson.dumps(
        {"__metadata__": {}, "rows": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}}
    )
    data = len(head).to_bytes(8, "little") + head + numbers.tobytes()

    assert (read_tensors(data)["rows"] == numbers).all()


@pytest.mark.parametrize("data", [b"", b"\xff" * 64, (99).to_bytes(8, "little") + b"{}"])
def test_what_holds_no_tensors_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="safetensors"):
        read_tensors(data)


def test_letters_make_like_words_alike() -> None:
    vectors = LetterVectors()
    charge, charging, helmet = (vectors.word(word) for word in ("charge", "charging", "helmet"))

    assert _cosine(charge, charging) > 0.5 > _cosine(charge, helmet)


def test_a_package_that_is_not_there_has_no_files() -> None:
    assert package_file("no-such-package-at-all", "data.bin") is None
    assert package_file("numpy", "no-such-file.bin") is None


@pytest.mark.skipif(not word_vectors().meaning, reason="the package with the word vectors is not installed")
def test_synonyms_are_near() -> None:
    vectors = word_vectors()
    money, cash, tree = (vectors.word(word) for word in ("money", "cash", "tree"))

    assert _cosine(money, cash) > _cosine(money, tree) + 0.2


def test_the_space_counts_less_what_varies_within_an_article() -> None:
    rng = np.random.default_rng(2)
    owners = np.repeat(np.arange(40), 6).astype(np.int32)
    rows = np.zeros((240, 4), np.float32)
    rows[:, 0] = (owners % 2) * 2 - 1
    rows[:, 1] = rng.standard_normal(240)
    space = fitted(rows, owners)

    apart = np.abs(space.turn.T @ np.array([1, 0, 0, 0], np.float32)).max()
    within = np.abs(space.turn.T @ np.array([0, 1, 0, 0], np.float32)).max()
    assert apart > within


def test_small_rows_are_nearly_as_exact() -> None:
    rows = np.random.default_rng(3).standard_normal((20, 256)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    assert nearness(small(rows), rows[0]) == pytest.approx(rows @ rows[0], abs=0.01)


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))

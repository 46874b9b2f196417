from __future__ import annotations

import numpy as np
import pytest

from core.kb.engine import Engine
from core.kb.engine.transformer import PACKAGE, Missing, Transformer, transformer
from core.kb.engine.vectors import package_file
from tests.kb.engine.world import ARTICLES, first

installed = pytest.mark.skipif(
    package_file(PACKAGE, "model.safetensors") is None,
    reason=f"the optional package {PACKAGE} is not installed",
)


def test_a_row_has_length_1_and_does_not_depend_on_its_company() -> None:
    made = Transformer(_weights(), {"[PAD]": 0, "flat": 5, "ty": 6, "##re": 7, "'": 8})
    alone = made.rows([["flat", "tyre"]])
    together = made.rows([["flat", "tyre"], [], ["flat", "tyre", "flat", "unknown"]])

    assert np.linalg.norm(alone[0]) == pytest.approx(1, abs=1e-4)
    assert together[0] == pytest.approx(alone[0], abs=1e-4)
    assert not together[1].any()


@pytest.mark.skipif(
    package_file(PACKAGE, "vocab.txt") is not None, reason="the optional package is installed"
)
def test_without_the_package_it_says_so() -> None:
    with pytest.raises(Missing):
        transformer()


@installed
def test_it_knows_a_paraphrase() -> None:
    asked, same, other = transformer().rows(
        [
            ["how", "do", "i", "get", "a", "refund"],
            ["can", "i", "have", "my", "money", "back"],
            ["it", "rains"],
        ]
    )
    assert asked @ same > asked @ other + 0.3


@installed
def test_the_engine_takes_it() -> None:
    engine = Engine(sentences=transformer())
    engine.index(ARTICLES)

    assert first(engine, "I want my money back") == "refund"


def _weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)

    def some(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * 0.05).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": some(120, 384),
        "embeddings.position_embeddings.weight": some(128, 384),
        "embeddings.token_type_embeddings.weight": some(2, 384),
        **_norm("embeddings.LayerNorm"),
    }
    for layer in range(6):
        name = f"encoder.layer.{layer}."
        dense = [(f"attention.self.{part}", 384, 384) for part in ("query", "key", "value")]
        dense += [
            ("attention.output.dense", 384, 384),
            ("intermediate.dense", 1536, 384),
            ("output.dense", 384, 1536),
        ]
        for part, rows, columns in dense:
            found |= {f"{name}{part}.weight": some(rows, columns), f"{name}{part}.bias": some(rows)}
        found |= _norm(name + "attention.output.LayerNorm") | _norm(name + "output.LayerNorm")
    return found


def _norm(name: str) -> dict[str, np.ndarray]:
    return {f"{name}.weight": np.ones(384, np.float32), f"{name}.bias": np.zeros(384, np.float32)}

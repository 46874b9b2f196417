"""How good and how quick the suggestions of the knowledge base are.

    python -m benchmarks.suggest [--data FOLDER] [--learn] [--scale] [--quick] [--json]

`engine` makes the product's own engine, for any program that measures one. Run as a program, this
looks for the task sets in FOLDER (see `docs/suggestions.md`) and lets the evaluator beside them do
the measuring; without them it measures time and memory on made-up articles. OPENBLAS_NUM_THREADS=1
measures one core.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any

from core.kb.engine import Engine

DATA = Path(__file__).resolve().parents[2] / "shared" / "kb"
SIZES = (1_000, 10_000, 100_000)
QUICK_SIZES = (500, 2_000)
QUICK_LIMIT = 200
SYLLABLES = ("ba", "ce", "di", "fo", "gu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "zu")


def engine() -> Engine:
    """A new engine as the program runs it, but that it takes up what it learned by itself."""
    return Engine()


def semantic() -> Engine:
    """The same with sentence vectors of the optional transformer."""
    from core.kb.engine.transformer import transformer

    return Engine(sentences=transformer())


def main() -> None:
    options = _options()
    evaluator = options.data / "evaluate.py"
    table = _measured(evaluator, options) if evaluator.is_file() else _made_up(options)
    if options.json:
        print(json.dumps(table))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of the task sets")
    parser.add_argument("--learn", action="store_true", help="let it learn from past questions first")
    parser.add_argument("--semantic", action="store_true", help="with the optional transformer")
    parser.add_argument("--scale", action="store_true", help="time and memory instead of quality")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measured(evaluator: Path, options: argparse.Namespace) -> dict[str, Any]:
    module = _loaded(evaluator)
    factory = semantic if options.semantic else engine
    if options.scale:
        table = module.scaled(options.data, factory, QUICK_SIZES if options.quick else SIZES)
    else:
        table = {
            folder.name: module.one_set(
                folder,
                factory,
                10**9 if options.learn else 0,
                QUICK_LIMIT if options.quick else 0,
                not options.quick,
            )
            for folder in sorted(path.parent for path in options.data.glob("*/articles.jsonl"))
        }
    module.show(table)
    return dict(table)


def _loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("evaluate_suggestions", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    return module


def _made_up(options: argparse.Namespace) -> dict[str, Any]:
    print(f"No task sets in {options.data}; time and memory on made-up articles.")
    return {f"{size} articles": _timed(size) for size in (QUICK_SIZES if options.quick else SIZES)}


def _timed(size: int) -> dict[str, float]:
    rng = random.Random(size)
    vocabulary = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(5_000)]
    articles = [(str(at), _text(rng, vocabulary, 1), _text(rng, vocabulary, 8)) for at in range(size)]
    before, made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, engine()
    start = time.perf_counter()
    made.index(articles)
    build = time.perf_counter() - start
    times = sorted(_asked(made, _text(rng, vocabulary, 1)) for _ in range(300))
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    row = {"build s": build, "p50 ms": times[150], "p95 ms": times[285], "MB more": more}
    print(f"{size:>7} articles", *(f"{name} {value:.2f}" for name, value in row.items()), sep="   ")
    return row


def _text(rng: random.Random, vocabulary: list[str], lines: int) -> str:
    return "\n".join(" ".join(rng.choices(vocabulary, k=8)) for _ in range(lines))


def _asked(made: Engine, query: str) -> float:
    start = time.perf_counter()
    made.search(query, 3)
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()

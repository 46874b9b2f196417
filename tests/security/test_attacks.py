"""What is tried against every program like this one, where nothing else holds it: patterns that never end, archives
that swell, scripts that are handed other objects; and the list of attacks, each with the test that holds it off."""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
import time
from pathlib import Path
from types import ModuleType

import adapters
import bot
import core
import webui
from tests.postgres.processes import ROOT

RUNS = (
    "a", "1", " ", "\n", "-", "*", "_", "#", "`", "<", "&", "@", "/", ".", "aA1", "a ", "a.", "a@", "<a ", "[a](", "&a;", "**a", "1-", "> ", "| ",
)  # fmt: skip
"""What patterns with two ways through the same signs choke on, when it is repeated and then does not fit."""
ENDS = ("!", "a@")
TRIED = [
    *itertools.product(("",), RUNS, ENDS),
    *itertools.product(("# a", "[a", "<a", "`a", "- a", "a: ", "Best "), (" ", "\n", "\t", "a "), ("x\ny",)),
]
SIZES = ((800, 0.05), (6_000, 0.1))
"""How long a text, and how many seconds of the processor it may take: the longest message, ten times as long, takes
a hundred times that where each pair of signs is looked at."""
BOUNDED = {"core.text._INLINE": "a subject is made of 640 signs"}
SCRIPTS = sorted(
    [*(ROOT / "webui/static/js").glob("*.js"), *(ROOT / "adapters/webchat/static/js").glob("*.js")]
)
PAGE = (ROOT / "docs/security/attacks.md").read_text("utf-8")
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]+)(?:::(\w+))?`")


def patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Every pattern that a module of ours keeps."""
    found: dict[str, re.Pattern[str]] = {}
    for package in (core, adapters, bot, webui):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if info.name.endswith("__main__") or ".demo." in info.name:
                continue
            module = importlib.import_module(info.name)
            found |= {f"{info.name}.{name}": one for name, one in _of(module)}
    return sorted(found.items())


def _of(module: ModuleType) -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for name, value in vars(module).items():
        many = value if isinstance(value, (tuple, list)) else (value,)
        found += [(name, one) for one in many if isinstance(one, re.Pattern) and isinstance(one.pattern, str)]
    return found


def test_no_pattern_takes_long() -> None:
    """Regex bombs: all of them, against what makes patterns go back again and again."""
    known = patterns()
    assert len(known) > 60
    slow = [
        f"{name} {found}: {pattern.pattern[:80]}"
        for name, pattern in known
        if name not in BOUNDED and (found := _slow_on(pattern))
    ]
    assert not slow, "\n".join(slow)


def _slow_on(pattern: re.Pattern[str]) -> str:
    for start, run, end in TRIED:
        for size, seconds in SIZES:
            begun = time.process_time()
            pattern.search(start + run * (size // len(run)) + end)
            if time.process_time() - begun > seconds:
                return f"{start!r} {run!r} {end!r} {size}"
    return ""


def test_nobody_writes_patterns_or_archives_for_us() -> None:
    """No setting, rule or search takes a pattern, and nothing unpacks what people send: backups alone are archives,
    and the words of our own model."""
    unpack = re.compile(
        r"^\s*(?:import|from) (zipfile|tarfile|gzip|bz2|lzma|shutil import unpack|pickle|marshal|yaml)\b",
        re.M,
    )
    found = {str(path.relative_to(ROOT)) for path in _sources() if unpack.search(path.read_text("utf-8"))}
    assert found == {"bot/backup/archive.py", "core/kb/engine/snapshot.py"}
    operators = (ROOT / "core/conditions/model.py").read_text("utf-8")
    assert not re.search(r"regex|pattern|~\*?", operators)


def test_cells_of_tables_are_written_in_one_place() -> None:
    """CSV formulas: `cell` makes words of what a spreadsheet would run (`benchmarks/fuzz_edges.py` feeds it)."""
    writers = [path for path in _sources() if "csv.writer" in path.read_text("utf-8")]
    for path in writers:
        assert path.name == "csv_files.py" or "cell(" in path.read_text("utf-8"), path


def test_scripts_take_markup_from_the_server_alone() -> None:
    """Text is set as text. What is set as markup is a fragment that the server has rendered, or a constant."""
    told = re.compile(
        r"(?:innerHTML|outerHTML)\s*\+?=\s*(.+)$|insertAdjacentHTML\(|document\.write|\beval\(|new Function"
    )
    from_the_server = re.compile(
        r"^(?:\(?await .*text\(\)\)?.*|html|value; // safe: sanitised by the server|'[^'$]*'|$)"
    )
    for path in SCRIPTS:
        for line in path.read_text("utf-8").splitlines():
            for found in told.finditer(line):
                given = (found[1] or "").strip().rstrip(";")
                assert found[1] is not None, f"{path.name}: {line.strip()}"
                assert from_the_server.match(given) or given.startswith("value"), (
                    f"{path.name}: {line.strip()}"
                )


def test_no_script_lets_what_came_from_elsewhere_name_a_property() -> None:
    """Prototype pollution: a key that is not ours is kept in a Map. Keys of ours: which track, which mark."""
    by_key = re.compile(r"[\w.)]+\[[a-z][\w.]*\] = [^=]")
    ours = re.compile(r"\[(source|kind|mark)\] = ")
    merged = re.compile(r"Object\.assign\([^,]+,\s*(?:await|JSON|data|message|event)")
    for path in SCRIPTS:
        text = path.read_text("utf-8")
        assert "__proto__" not in text, path.name
        assert not merged.search(text), path.name
        for line in text.splitlines():
            if by_key.search(line):
                assert ours.search(line), f"{path.name}: {line.strip()}"


def test_every_attack_of_the_list_names_its_tests() -> None:
    rows = [
        line
        for line in PAGE.splitlines()
        if line.startswith("| ") and not line.startswith(("| Attack", "|--"))
    ]
    assert len(rows) >= 18
    for row in rows:
        assert NAMED.search(row), row
    for path, test in NAMED.findall(PAGE):
        assert (ROOT / path).exists(), path
        assert not test or re.search(rf"def {test}\(", (ROOT / path).read_text("utf-8")), (path, test)


def _sources() -> list[Path]:
    return [path for part in ("core", "adapters", "bot", "webui") for path in (ROOT / part).rglob("*.py")]

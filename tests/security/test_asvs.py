"""The page about the ASVS names only what there is, and each point once."""

from __future__ import annotations

import re

from tests.postgres.processes import ROOT

PAGE = (ROOT / "docs/security/asvs.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| \d+\.\d+\.\d+ \|", line)
]
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:py|md|yml|toml)|Dockerfile)(?:::(\w+))?`")


def test_each_point_of_levels_1_and_2_is_there_once() -> None:
    ids = [row[0] for row in ROWS]
    assert len(ids) == len(set(ids)) == 253
    assert [row[1] for row in ROWS].count("1") == 70
    assert {row[3] for row in ROWS} == {"met", "not applicable", "not met"}


def test_the_sums_are_right() -> None:
    for level, name in (("1", "level 1"), ("2", "level 2 alone")):
        counts = [
            sum(row[1] == level and row[3] == state for row in ROWS)
            for state in ("met", "not applicable", "not met")
        ]
        assert f"| {name} | {' | '.join(map(str, counts))} |" in PAGE


def test_what_is_met_names_what_shows_it() -> None:
    for row in ROWS:
        assert row[3] != "met" or NAMED.search(row[4]), row
        assert len(row[4]) > 5, row


def test_every_test_and_file_that_is_named_exists() -> None:
    named = NAMED.findall(PAGE)
    assert len(named) > 150
    for path, test in named:
        assert (ROOT / path).exists(), path
        assert not test or re.search(rf"def {test}\(", (ROOT / path).read_text("utf-8")), (path, test)

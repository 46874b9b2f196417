"""The audit of the pinned packages reads advisories of a folder, and says when those are worth nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.postgres.processes import ROOT
from tools import audit
from tools.sbom import Pin

LEAKY = """\
id: PYSEC-1-1
modified: 2026-01-05T20:20:47.716944Z
details: |
  It leaks.
  In several ways.
affected:
- package: {ecosystem: PyPI, name: Leaky_Pipe}
  ranges:
  - type: GIT
    events: [{introduced: "0"}, {fixed: 1c335944d6a8}]
  - type: ECOSYSTEM
    events:
    - introduced: "0"
    - fixed: 1.0.5
    - introduced: 2.0rc1
    - last_affected: 2.3
  versions: [4.0.post1]
"""


def advisory(**more: Any) -> str:
    package = {"ecosystem": "PyPI", "name": "other"}
    events = [{"introduced": "1.0.0"}, {"fixed": "1.2.0"}]
    affected = [{"package": package, "ranges": [{"type": "SEMVER", "events": events}]}]
    return json.dumps(
        {"id": "GHSA-x", "modified": "2026-02-01T00:00:00Z", "summary": "Odd.", "affected": affected} | more
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vulns" / "leaky-pipe").mkdir(parents=True)
    (tmp_path / "vulns" / "leaky-pipe" / "PYSEC-1-1.yaml").write_text(LEAKY)
    (tmp_path / "GHSA-x.json").write_text(advisory())
    (tmp_path / "GHSA-y.json").write_text(advisory(id="GHSA-y", withdrawn="2026-02-02T00:00:00Z"))
    (tmp_path / "about.yaml").write_text("name: other\n")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "concerned"),
    [
        *(("1.0.4", True), ("1.0.5rc1", True), ("1.0.5", False), ("1.9", False)),
        *(("2.0rc1", True), ("2.3", True), ("2.3.1", False), ("4.0.post1", True), ("4.0", False)),
    ],
)
def test_a_version_in_a_range_or_list_is_found(folder: Path, version: str, concerned: bool) -> None:
    found = audit.audit([Pin("leaky.pipe", version)], folder)
    assert (found.read, f"{found.newest:%Y-%m-%d}") == (3, "2026-02-01")
    lines = [str(one) for one in found.findings]
    assert lines == [f"leaky-pipe {version}: PYSEC-1-1, mended in 1.0.5: It leaks."] * concerned


def test_json_is_read_and_what_was_withdrawn_is_not(folder: Path) -> None:
    found = audit.audit([Pin("other", "1.1.9"), Pin("other", "1.2.0"), Pin("leaky", "1.0")], folder)
    assert [str(one) for one in found.findings] == ["other 1.1.9: GHSA-x, mended in 1.2.0: Odd."]


def test_the_exit_code_tells_clean_found_and_nothing_to_compare_with(folder: Path) -> None:
    assert _ended() == (2, "")
    assert _ended(str(folder / "vulns" / "none")) == (2, "")
    (folder / "empty").mkdir()
    assert _ended(str(folder / "empty")) == (2, "")
    code, said = _ended(str(folder))
    assert code == 0
    assert said.endswith("3 advisories up to 2026-02-01: 0 found\n")
    assert _ended(str(folder), "--days", "0")[0] == 2
    everything = [{"package": {"ecosystem": "PyPI", "name": "aiohttp"}, "ranges": []}]
    everything[0]["ranges"] = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    (folder / "GHSA-z.json").write_text(advisory(id="GHSA-z", affected=everything))
    code, said = _ended(str(folder))
    assert code == 1
    assert re.match(r"aiohttp \S+: GHSA-z, no version mends it: Odd\.\n", said)


def _ended(*words: str) -> tuple[int, str]:
    command = [sys.executable, "tools/audit.py", *words]
    ended = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout

"""What the repository says about itself is true: generated docs, dependencies, contracts, tools."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from bot import cli
from bot.docs import pages
from core.settings import Settings
from tests.postgres.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("path", sorted(pages()))
def test_generated_docs_are_current(path: str) -> None:
    assert (ROOT / "docs" / path).read_text("utf-8") == pages()[path], "run `make docs`"


def test_every_direct_dependency_has_its_reason() -> None:
    groups = PROJECT["project"]["optional-dependencies"].values()
    direct = [*PROJECT["project"]["dependencies"], *(name for group in groups for name in group)]
    names = {re.split(r"[><=;]", name)[0] for name in direct}
    told = re.findall(r"^\| `([^`]+)` \| \S", (ROOT / "docs/dependencies.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(names)


def test_every_direct_dependency_is_pinned_with_hashes() -> None:
    pinned = (ROOT / "requirements/run.txt").read_text()
    for name in PROJECT["project"]["dependencies"]:
        # Pins carry normalised names (PEP 503).
        bare = re.split(r"[\[><=;]", name)[0].replace(".", "-")
        assert re.search(rf"^{re.escape(bare)}(\[\S+\])?==", pinned, re.MULTILINE), bare
    assert "--hash=sha256:" in pinned
    assert "index-url" not in pinned


def test_every_need_is_shown_by_a_test() -> None:
    page = (ROOT / "docs/developers/requirements.md").read_text()
    needs = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| I need")]
    assert needs
    for need in needs:
        named = re.findall(r"`(tests/[^`]+)`", need)
        assert named, need
        assert all((ROOT / path).exists() for path in named), need


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"


def test_the_example_settings_are_settings() -> None:
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    own = {str(field.alias) for field in Settings.model_fields.values()}
    documented = set(re.findall(r"`(DESKBELL_[A-Z_]+)`", (ROOT / "docs/settings.md").read_text()))
    assert own <= named
    assert named <= own | documented


def test_every_command_says_what_it_does() -> None:
    for name in cli.COMMANDS:
        command = cli.cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.help, name


def test_the_import_contracts_hold() -> None:
    command = "from importlinter.cli import lint_imports_command as check; check(['--no-cache'])"
    linted = subprocess.run(
        [sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout


def test_make_knows_its_verbs() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for verb in (
        "run",
        "test",
        "check",
        "fmt",
        "migrate",
        "demo",
        "scale",
        "bench",
        "lock",
        "messages",
        "docs",
        "clean",
    ):
        assert f"make {verb} " in told


@pytest.mark.parametrize("name", ["flood"])
def test_a_benchmark_says_what_it_needs(name: str) -> None:
    """Installed to run only, without the tools of those who build it."""
    without = "import sys; sys.modules['httpx'] = None; import benchmarks." + name
    ended = subprocess.run(
        [sys.executable, "-c", without], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == f"benchmarks.{name} needs httpx, which comes with `sh tools/setup.sh dev`.\n"


def test_make_bench_runs_every_benchmark() -> None:
    listed = re.search(r"^BENCHMARKS \?= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    runs = {
        file.stem
        for file in (ROOT / "benchmarks").glob("*.py")
        if all(word in file.read_text("utf-8") for word in ("--quick", 'if __name__ == "__main__"'))
    }
    runs |= {file.parent.name for file in (ROOT / "benchmarks").glob("*/__main__.py")}
    assert set(listed[1].split()) == runs


NAMES = re.compile(r"slack|discord|telegram", re.IGNORECASE)
NAMED = ("core/locale/", "bot/demo/dialogues/")
"""Translations of what the adapters say, and where the demo's tickets are said to come from."""


def test_core_and_bot_name_no_platform() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for folder in ("core", "bot")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.relative_to(ROOT).as_posix().startswith(NAMED)
        and (found := NAMES.search(f"{path.name} {path.read_text('utf-8', 'replace')}"))
    ]
    assert named == []

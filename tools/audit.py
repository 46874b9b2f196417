"""Known vulnerabilities of the pinned packages, without the network: `make audit ADVISORIES=folder`.

The folder holds advisories in the OSV format, as `*.yaml` or `*.json`, however deep: a checkout of PyPA's
advisory database, or of GitHub's. Nothing is asked of anybody, so the answer is as old as the folder; how old that
is, is said. Exit code 0: nothing found; 1: something found; 2: nothing to compare with, or too old (`--days`).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

try:
    from tools.sbom import ROOT, Pin, pins
except ImportError:  # Started as a script: this folder is the first that is looked in.
    from sbom import ROOT, Pin, pins  # type: ignore[no-redef]

LOCKS = ("requirements/run.txt", "requirements/dev.txt")
ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, with the reason why."""
ECOSYSTEM = "PyPI"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NAMES = re.compile(r"\bname\"?:\s*[\"']?([A-Za-z0-9._-]+)")


@dataclass(frozen=True, slots=True)
class Finding:
    package: str
    version: str
    advisory: str
    words: str
    mended: str
    """The versions that mend it, as far as they are told."""

    def __str__(self) -> str:
        mended = f"mended in {self.mended}" if self.mended else "no version mends it"
        return f"{self.package} {self.version}: {self.advisory}, {mended}: {self.words}"


@dataclass(frozen=True, slots=True)
class Audit:
    findings: list[Finding]
    read: int
    newest: datetime | None
    """When the newest advisory was last changed: nothing that was known later is in the folder."""


def audit(found: list[Pin], folder: Path) -> Audit:
    """Compare the pins with each advisory of the folder."""
    wanted: dict[str, set[str]] = {}
    for pin in found:
        wanted.setdefault(_plain(pin.name), set()).add(pin.version)
    findings: list[Finding] = []
    read, newest = 0, None
    for text, is_json in _texts(folder):
        read += 1
        newest = max(filter(None, (newest, _changed(text))), default=None)
        if not wanted.keys() & {_plain(name) for name in _NAMES.findall(text)}:
            continue
        told = json.loads(text) if is_json else yaml.load(text, _LOADER)  # noqa: S506
        findings += _findings(told, wanted)
    return Audit(sorted(set(findings), key=str), read, newest)


def concerns(affected: dict[str, Any], version: str) -> bool:
    """Whether an entry of `affected` names this version, in its list or in one of its ranges."""
    if version in map(str, affected.get("versions") or ()):
        return True
    ranges = [one for one in affected.get("ranges") or () if one.get("type") in ("ECOSYSTEM", "SEMVER")]
    return any(_within(one.get("events") or [], Version(version)) for one in ranges)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/audit.py", description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("ADVISORIES", ""), help="or ADVISORIES")
    parser.add_argument("--days", type=int, help="advisories older than this are as good as none")
    given = parser.parse_args()
    folder = Path(given.folder).expanduser() if given.folder else None
    if folder is None or not folder.is_dir():
        sys.stderr.write("Name the folder of advisories: make audit ADVISORIES=folder\n")
        return 2
    found = [pin for lock in LOCKS for pin in pins((ROOT / lock).read_text("utf-8"))]
    return _told(audit(found, folder), len({(pin.name, pin.version) for pin in found}), given.days)


def _told(seen: Audit, packages: int, days: int | None) -> int:
    if not seen.read or seen.newest is None:
        sys.stderr.write("There is no advisory in that folder.\n")
        return 2
    mine = [one for one in seen.findings if one.advisory not in ACCEPTED]
    for one in seen.findings:
        why = ACCEPTED.get(one.advisory)
        sys.stdout.write(f"{one}{f' (accepted: {why})' if why else ''}\n")
    sys.stdout.write(
        f"{packages} packages, {seen.read} advisories up to {seen.newest:%Y-%m-%d}: {len(mine)} found\n"
    )
    age = (datetime.now(UTC) - seen.newest).days
    if days is not None and age > days:
        sys.stderr.write(f"The newest advisory is {age} days old: what became known since is not in it.\n")
        return 2
    return 1 if mine else 0


def _texts(folder: Path) -> Iterator[tuple[str, bool]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".json") and not any(part.startswith(".") for part in path.parts[-3:]):
            text = path.read_text("utf-8")
            if _changed(text) is not None:
                yield text, path.suffix == ".json"


def _changed(text: str) -> datetime | None:
    """Each advisory says it: it is demanded by the format."""
    match = re.search(r"\bmodified\"?:\s*[\"']?(\d{4}-\d\d-\d\d)", text)
    return datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None


def _findings(told: dict[str, Any], wanted: dict[str, set[str]]) -> Iterator[Finding]:
    if told.get("withdrawn"):
        return
    words = str(told.get("summary") or told.get("details") or "").strip().partition("\n")[0][:100]
    for affected in told.get("affected") or ():
        package = affected.get("package") or {}
        name = _plain(str(package.get("name", "")))
        if package.get("ecosystem") != ECOSYSTEM:
            continue
        for version in sorted(wanted.get(name, ())):
            if concerns(affected, version):
                yield Finding(name, version, str(told["id"]), words, ", ".join(_mends(affected)))


def _mends(affected: dict[str, Any]) -> list[str]:
    ranges = [one for one in affected.get("ranges") or () if one.get("type") != "GIT"]
    return [str(event["fixed"]) for one in ranges for event in one.get("events") or () if "fixed" in event]


def _within(events: list[dict[str, Any]], version: Version) -> bool:
    """By the rule of the format: the last event that is not newer than the version says it."""
    inside = False
    for kind, at in sorted(((k, _version(v)) for each in events for k, v in each.items()), key=_order):
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


def _order(event: tuple[str, Version]) -> tuple[Version, bool]:
    # A range that ends where the next begins: the end comes first.
    return event[1], event[0] == "introduced"


def _version(text: Any) -> Version:
    """What cannot be read as a version is taken as nothing: rather a finding too many than one too few."""
    try:
        return Version(str(text))
    except InvalidVersion:
        return Version("0")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())

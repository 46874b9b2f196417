"""The bill of materials (CycloneDX 1.6) and the list of licences, from the lock file and what is installed.

`make sbom` writes `build/sbom.cdx.json` and `build/licences.txt`. Nothing is asked of the network: names,
versions, hashes and who needs whom are those of `requirements/run.txt`; licences are what each package says
of itself. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "run.txt"
PROJECT = "deskbell"
UNKNOWN = "unknown"
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(?:;\s*(?P<marker>[^\\]+))?"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_LONG = 60
"""Some packages put the whole text of their licence where its name belongs."""


@dataclass
class Pin:
    """One package of the lock file."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def pins(lock: str) -> list[Pin]:
    """The packages of a lock file as uv writes it."""
    found: list[Pin] = []
    for line in lock.splitlines():
        if match := _PIN.match(line):
            found.append(Pin(match["name"].lower(), match["version"], (match["marker"] or "").strip()))
        elif found and (hashed := _HASH.search(line)):
            found[-1].hashes.append(hashed[1])
        elif found and line.strip().startswith("#"):
            name = line.strip().removeprefix("#").strip().removeprefix("via").strip()
            found[-1].via += [re.split(r"[\s\[]", name)[0].lower()] if name else []
    return found


def licence_of(name: str) -> str:
    """What an installed package says of its licence; `unknown` for one that is not installed here."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return UNKNOWN
    classes = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or () if one.startswith("License ::")
    ]
    for said in (told.get("License-Expression"), told.get("License"), " or ".join(sorted(set(classes)))):
        if said and 0 < len(first := said.strip().split("\n")[0].strip()) <= _LONG:
            return first
    return UNKNOWN


def bill(found: list[Pin], version: str) -> dict[str, Any]:
    """The CycloneDX document."""
    root = f"pkg:pypi/{PROJECT}@{version}"
    needs: dict[str, list[str]] = {PROJECT: []}
    # A package may stand there twice, for older and for newer Pythons.
    refs = {root: needs[PROJECT], **{pin.purl: needs.setdefault(pin.name, []) for pin in found}}
    for pin in found:
        for parent in pin.via:
            needs.setdefault(parent, []).append(pin.purl)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": PROJECT, "version": version, "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [_component(pin) for pin in found],
        "dependencies": [{"ref": ref, "dependsOn": sorted(needed)} for ref, needed in refs.items()],
    }  # fmt: skip


def licences(found: list[Pin]) -> Iterator[str]:
    """One line for each package."""
    for pin in found:
        yield f"{pin.name} {pin.version}: {licence_of(pin.name)}"


def main() -> int:
    found = pins(LOCK.read_text("utf-8"))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    (folder / "sbom.cdx.json").write_text(json.dumps(bill(found, version), indent=1) + "\n", "utf-8")
    (folder / "licences.txt").write_text("\n".join(licences(found)) + "\n", "utf-8")
    sys.stdout.write(f"build/sbom.cdx.json and build/licences.txt: {len(found)} packages\n")
    return 0


def _component(pin: Pin) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "library", "bom-ref": pin.purl, "name": pin.name, "version": pin.version, "purl": pin.purl,
        "hashes": [{"alg": "SHA-256", "content": one} for one in pin.hashes],
    }  # fmt: skip
    if (licence := licence_of(pin.name)) != UNKNOWN:
        made["licenses"] = [{"license": {"name": licence}}]
    if pin.marker:
        made["properties"] = [{"name": "deskbell:only-where", "value": pin.marker}]
    return made


if __name__ == "__main__":
    sys.exit(main())

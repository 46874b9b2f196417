"""The bill of materials names what is installed, and every licence is one that we may live with."""

from __future__ import annotations

import re
from importlib import metadata

from tests.postgres.processes import ROOT
from tools import sbom

FOUND = sbom.pins(sbom.LOCK.read_text("utf-8"))
NOT_OURS = re.compile(r"(?<!L)(AGPL|GPL|SSPL|BUSL|proprietary|commercial)", re.IGNORECASE)


def test_every_pinned_package_is_in_it_with_hashes_and_purpose() -> None:
    made = sbom.bill(FOUND, "1.0")
    assert len({one["purl"] for one in made["components"]}) == len(made["components"]) > 60
    assert all(one["hashes"] for one in made["components"])
    refs = {one["bom-ref"] for one in made["components"]} | {made["metadata"]["component"]["bom-ref"]}
    told = {each["ref"] for each in made["dependencies"]}
    reached = {to for each in made["dependencies"] for to in each["dependsOn"]}
    assert told == refs
    # Everything is there because something needs it.
    assert reached == refs - {made["metadata"]["component"]["bom-ref"]}
    assert sorted(pin.name for pin in FOUND if "deskbell" in pin.via)[0] == "aiohttp"


def test_every_licence_is_known_and_may_be_lived_with() -> None:
    unknown, unwanted, missing = [], [], []
    for pin in FOUND:
        try:
            metadata.version(pin.name)
        except metadata.PackageNotFoundError:
            missing += [] if pin.marker else [pin.name]
            continue
        licence = sbom.licence_of(pin.name)
        unknown += [pin.name] if licence == sbom.UNKNOWN else []
        unwanted += [f"{pin.name}: {licence}"] if NOT_OURS.search(licence) else []
    assert (unknown, unwanted, missing) == ([], [], [])


def test_make_writes_it() -> None:
    assert re.search(r"^sbom:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sbom.bill(FOUND, "1.0") == sbom.bill(FOUND, "1.0")

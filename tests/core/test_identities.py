"""Accounts of one person: several at one platform, and those that were linked without their id."""

from __future__ import annotations

from core.chat import Sender
from core.desk import Desk
from core.people import service as people
from core.people.model import Identity, Person


async def _linked(desk: Desk, installation: str, external: str, person: Person) -> None:
    """As a link does it that knows the digest only."""
    async with desk.unit() as uow:
        digest = people.digest_of_identity(uow, "fake", installation, external)
        uow.session.add(Identity(person_id=person.id, platform="fake", digest=digest))


async def test_an_account_linked_by_its_digest_learns_its_id_when_it_speaks(desk: Desk) -> None:
    async with desk.unit() as uow:
        ada = await people.add(uow, name="Ada")
    await _linked(desk, "one", "u1", ada)
    async with desk.unit() as uow:
        assert await people.external_at(uow, ada.id, "fake", "one") == ""
        assert (await people.recognise(uow, Sender("u1"), "fake", "one")).id == ada.id
    async with desk.unit() as uow:
        assert await people.external_at(uow, ada.id, "fake", "one") == "u1"


async def test_each_installation_of_a_platform_knows_a_person_by_its_own_id(desk: Desk) -> None:
    async with desk.unit() as uow:
        ada = await people.add(uow, name="Ada")
    for installation, external in (("one", "u1"), ("two", "u2")):
        await _linked(desk, installation, external, ada)
        async with desk.unit() as uow:
            await people.recognise(uow, Sender(external), "fake", installation)
    async with desk.unit() as uow:
        found = [await people.external_at(uow, ada.id, "fake", one) for one in ("one", "two", "three")]
    assert found == ["u1", "u2", ""]

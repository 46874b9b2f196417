"""Files of the desk over HTTP: uploaded before their message, served without ever running."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.desk import Desk
from tests.webui.browsing import Browser
from tests.webui.desk_world import DeskWorld

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360f8cf500f00038401 8019 5a0bb6 0000000049454e44ae426082".replace(
        " ", ""
    )
)
PAGE = b"<!doctype html><script>alert(document.cookie)</script>"


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


@pytest.fixture
async def bob(world: DeskWorld) -> AsyncIterator[Browser]:
    async with world.signed_in(world.people["bob"]) as browser:
        yield browser


async def up(world: DeskWorld, bob: Browser, number: int, content: bytes, name: str) -> str:
    await bob.look(f"/tickets/{number}")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    headers = {"x-csrf-token": token, "x-file-name": name}
    answer = await bob.post(f"/tickets/{number}/files", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def test_an_upload_is_its_uploaders_until_it_is_sent(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    file = await up(world, bob, number, b"0123456789" * 20_000, "R%C3%A9port.txt")
    async with world.signed_in(world.people["mira"]) as mira:
        assert (await mira.get(f"/files/{file}")).status_code == 404
        await world.do(
            bob, f"/tickets/{number}/messages", {"kind": "note", "body": "See it", "attachment": file}
        )
        answer = await mira.get(f"/files/{file}")
    assert answer.content == b"0123456789" * 20_000
    headers = answer.headers
    assert headers["content-length"] == "200000"
    assert headers["content-disposition"].startswith("attachment;")
    assert "R%C3%A9port.txt" in headers["content-disposition"]
    assert headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    async with world.signed_in(world.people["ada"]) as ada:
        assert (await ada.get(f"/files/{file}")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [("bytes=0-4", 206, b"01234"), ("bytes=99998-", 206, b"89"), ("bytes=-3", 206, b"789"), ("bytes=200000-", 416, b""),
     ("bytes=65534-65539", 206, b"456789"), ("bytes=0-1,4-5", 200, None), ("lines=1-2", 200, None)],
)  # fmt: skip
async def test_ranges(world: DeskWorld, bob: Browser, asked: str, status: int, got: bytes | None) -> None:
    number = await world.ticket()
    file = await up(world, bob, number, b"0123456789" * 10_000, "long.txt")
    answer = await bob.get(f"/files/{file}", headers={"range": asked})
    assert answer.status_code == status
    assert got is None or answer.content == got


async def test_what_could_run_is_only_ever_downloaded(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    for name in ("page.html", "picture.png", "page.svg"):
        answer = await bob.get(f"/files/{await up(world, bob, number, PAGE, name)}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment;")


async def test_a_plain_form_brings_its_files_along(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await bob.look(f"/tickets/{number}")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    data = {"csrf": token, "kind": "reply", "body": ""}
    answer = await bob.post(
        f"/tickets/{number}/messages", data=data, files=[("files", ("../../one.txt", b"one", "text/plain"))]
    )
    assert answer.status_code == 303
    await bob.look(f"/tickets/{number}")
    assert "one.txt" in bob.text
    assert "../" not in bob.text


async def test_a_name_with_slashes_is_one_plain_name_all_the_way(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    file = await up(world, bob, number, b"one", "..%2F..%2Fetc%2Fpass%2Fw%5Cord.txt")
    await world.do(bob, f"/tickets/{number}/messages", {"kind": "reply", "body": "", "attachment": file})
    await bob.look(f"/tickets/{number}")
    assert "ord.txt" in bob.text
    assert "etc" not in bob.text
    served = (await bob.get(f"/files/{file}")).headers["content-disposition"]
    assert served == "attachment; filename=\"ord.txt\"; filename*=UTF-8''ord.txt"
    taken = (await bob.get(f"/tickets/{number}/export/json")).json()
    (told,) = [each["files"] for each in taken["timeline"] if each.get("files")]
    assert [each["name"] for each in told] == ["ord.txt"]


async def test_uploads_that_cannot_be_kept(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    await bob.look(f"/tickets/{number}")
    token = bob.page.text.split('name="csrf" content="')[1].split('"')[0]
    headers = {"x-csrf-token": token, "x-file-name": "empty.txt", "x-fragment": "1"}
    answer = await bob.post(f"/tickets/{number}/files", content=b"", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert (await bob.post("/tickets/999999/files", content=b"x", headers=headers)).status_code == 404
    assert (
        await bob.post(f"/tickets/{number}/files", content=b"x", headers={"x-file-name": "a"})
    ).status_code == 403
    again = await world.do(
        bob,
        f"/tickets/{number}/messages",
        {"kind": "note", "body": "x", "attachment": "0193a000-0000-7000-8000-000000000001"},
    )
    assert (again.status_code, "no longer there" in again.text) == (422, True)


async def test_the_export_is_a_download(world: DeskWorld, bob: Browser) -> None:
    number = await world.ticket()
    for form in ("html", "text", "json"):
        answer = await bob.get(f"/tickets/{number}/export/{form}")
        assert "Wrong invoice" in answer.text
        assert answer.headers["content-disposition"].startswith("attachment;")
    assert (await bob.get(f"/tickets/{number}/export/exe")).status_code == 404

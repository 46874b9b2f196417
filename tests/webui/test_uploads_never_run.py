"""Whatever is uploaded, and whichever door serves it: nothing of it can run in the desk's origin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.conversations import attachments, file_links
from core.conversations.service import Saying
from core.desk import Desk
from core.people import service as people
from core.people import tokens
from core.tickets import access
from core.tickets import service as tickets
from tests.webui.desk_world import DeskWorld

SCRIPT = "<script>alert(document.cookie)</script>"
MAY_BE_SHOWN = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "audio/", "video/")


def _png() -> bytes:
    """A true picture that is a page as well, for whoever looks for one in it."""
    made, text = BytesIO(), PngInfo()
    text.add_text("Comment", SCRIPT)
    Image.new("RGB", (400, 300), "blue").save(made, "PNG", pnginfo=text)
    return made.getvalue() + SCRIPT.encode()


def _gif() -> bytes:
    made = BytesIO()
    Image.new("P", (20, 20)).save(made, "GIF", comment=b"*/=1;alert(1)//")
    return made.getvalue()


UPLOADS = {
    "page.html": b"<!doctype html>" + SCRIPT.encode(),
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml">' + SCRIPT.encode() + b"</html>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">'
    + SCRIPT.encode()
    + b"</svg>",
    "picture.png": b"<!doctype html>" + SCRIPT.encode(),
    "signed.png": b"\x89PNG\r\n\x1a\n" + SCRIPT.encode(),
    "half.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1" + SCRIPT.encode(),
    "polyglot.png": _png(),
    "script.gif": _gif(),
    "old.gif": b"GIF89a/*" + SCRIPT.encode() + b"*/=1;",
    "photo.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1" + SCRIPT.encode(),
    "paper.pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF",
    "module.js": b"import('/chat'); alert(1)",
    "sheet.css": b"@import '//e.example'; body{background:url(//e.example)}",
    "data.xml": b'<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?><x/>',
    "page.mht": b"MIME-Version: 1.0\nContent-Type: text/html\n\n" + SCRIPT.encode(),
    "utf7.txt": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "utf16.txt": ("\ufeff" + SCRIPT).encode("utf-16-le"),
    "music.mp3": b"ID3\x03\0\0\0\0\0\0" + SCRIPT.encode(),
    "film.webm": b"\x1aE\xdf\xa3" + SCRIPT.encode(),
    "x.wasm": b"\0asm\1\0\0\0",
    "manifest.appcache": b"CACHE MANIFEST\n/",
    '"><script>alert(1)</script>.txt': b"a name that is markup",
    "a\r\nset-cookie: x=1.txt": b"a name that is a header",
}


@pytest.fixture
async def world(desk: Desk) -> DeskWorld:
    return await DeskWorld(desk).settle()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.mark.parametrize("name", UPLOADS)
async def test_no_door_serves_what_could_run(world: DeskWorld, name: str) -> None:
    number = await world.ticket()
    ada, bob = world.actors["ada"], world.actors["bob"]
    assert ada.id
    async with world.desk.unit(ada) as uow:
        row = await attachments.upload(uow, ada.id, name, _once(UPLOADS[name]))
        await uow.session.flush()
        opened = await access.change(uow, ada, number)
        person = await people.get(uow, ada.id)
        await tickets.hear(uow, opened, ada, Saying(text="See", files=[row.id]), person)
        agent = await people.get(uow, world.people["bob"].id)
        token = await tokens.make(uow, agent, "script", ["tickets:read"])
    assert bob.id
    doors = []
    async with world.signed_in(world.people["bob"]) as browser:
        doors += [
            await browser.get(f"/files/{row.id}"),
            await browser.get(f"/files/{row.id}", headers={"range": "bytes=0-5"}),
        ]
        page = await browser.get(f"/tickets/{number}")
        assert "<script>alert" not in page.text
        if row.thumb_id:
            doors.append(await browser.get(f"/files/{row.id}/thumb"))
    async with world.signed_in(world.people["ada"]) as browser:
        doors.append(await browser.get(f"/my/files/{row.id}"))
        assert "<script>alert" not in (await browser.get(f"/my/tickets/{number}")).text
        if row.thumb_id:
            doors.append(await browser.get(f"/my/files/{row.id}/thumb"))
    async with world.browser() as script:
        headers = {"authorization": f"Bearer {token}"}
        doors.append(await script.get(f"/api/v1/files/{row.id}", headers=headers))
        link = file_links.path(world.desk.means.keys, row)
        assert "<script>alert" not in (await script.get(link)).text
        doors.append(await script.get(f"{link}/download"))
    for answer in doors:
        path = str(answer.url)
        assert answer.status_code in (200, 206), path
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff", path
        policy = headers["content-security-policy"]
        assert "sandbox" in policy or "/api/" in path, path
        assert "allow-" not in policy, path
        assert "default-src 'none'" in policy or "/api/" in path, path
        assert "set-cookie" not in headers, path
        shown = headers["content-type"].split(";")[0]
        assert shown == "application/octet-stream" or shown.startswith(MAY_BE_SHOWN), (path, shown)
        if shown == "application/octet-stream" or not headers["content-disposition"].startswith("inline"):
            assert headers["content-disposition"].startswith("attachment"), path
    # What is shown is a true picture, made anew where it is small.
    if row.thumb_id:
        assert SCRIPT.encode() not in b"".join(each.content for each in doors if "thumb" in str(each.url))

"""What people and programs send that they should not: each gets a clear answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import func, select

from core import patience
from core.conversations.model import Attachment
from core.outbox_model import Inbound
from core.people import service as people
from core.people.model import Person
from tests.webchat.conftest import World, mounted


@pytest.mark.parametrize(
    "text", ["", "   \n\t ", "\x00\x00", "\u0007", "\u200b\u200d\ufeff", "\u2060 \u3164", "\u202e\ufe0f"]
)
async def test_nothing_said(world: World, text: str) -> None:
    ada = await world.visitor()
    answer = await ada.say(text)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "The message is empty. Please write something."


async def test_a_megabyte_of_text(world: World) -> None:
    ada = await world.visitor()
    for length in (60_000, 1_000_000):
        answer = await ada.say("x" * length)
        assert answer.status_code in (413, 422)
        assert "too long" in answer.json()["detail"]
        assert answer.json()["field"] == "text"


async def test_nul_and_lone_surrogates_are_mended(world: World) -> None:
    ada = await world.visitor()
    body = {"id": str(uuid4()), "form": ada.session["form"]}
    raw = json.dumps(body)[:-1] + ', "text": "a\\u0000b\\ud800c"}'
    answer = await ada.call(
        "POST",
        f"conversations/{ada.thread}/messages",
        content=raw,
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    (shown,) = await ada.messages()
    assert shown["text"] == "ab\ufffdc"


@pytest.mark.parametrize(
    "text",
    [
        "\u05e9\u05dc\u05d5\u05dd \u202ereversed\u202c",
        "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f" * 50,
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 family",
    ],
)
async def test_scripts_of_the_world_stay_as_they_are(world: World, text: str) -> None:
    ada = await world.visitor()
    assert (await ada.say(text)).status_code == 200
    (shown,) = await ada.messages()
    assert shown["text"] == text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "![x](https://evil.example/pixel.png)",
        '<a href="data:text/html,<script>1</script>">x</a>',
        "<style>*{display:none}</style><svg onload=alert(1)>",
    ],
)
async def test_nothing_said_can_run(world: World, text: str) -> None:
    ada = await world.visitor()
    await ada.say(text)
    (shown,) = await ada.messages()
    assert not re.search(r"<(script|img|svg|style)|<\w[^>]*(javascript:|data:|onerror|onload)", shown["html"])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 49_000,
        "> " * 20_000 + "x",
        "*a " * 16_000,
        "- " * 20_000 + "x",
        "http://" * 7_000,
        "|a" * 20_000 + "\n" + "|-" * 3_000,
        "\n".join(f"https://example.com/{n}" for n in range(500)),
    ],
)
async def test_markdown_bombs_cost_little(world: World, text: str) -> None:
    ada = await world.visitor()
    assert (await ada.say(text)).status_code == 200
    async with asyncio.timeout(30):
        (shown,) = await ada.messages()
    assert len(shown["html"]) < 1_000_000


async def test_500_links_are_all_links(world: World) -> None:
    ada = await world.visitor()
    await ada.say("\n".join(f"https://example.com/{n}" for n in range(500)))
    (shown,) = await ada.messages()
    assert shown["html"].count('rel="noopener noreferrer nofollow"') == 500


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "short", "text": "x"}, "id"),
        ({"id": "../../../etc/passwd", "text": "x"}, "id"),
        ({"id": "a" * 20, "text": 7}, "text"),
        ({"id": 7, "text": "x"}, "id"),
        ({"id": "a" * 20, "text": "x", "files": ["not-a-file"]}, "files"),
        ({"id": "a" * 20, "text": "x", "files": [str(uuid4())]}, "files"),
        ({"id": "a" * 20, "text": "x", "files": [str(uuid4())] * 11}, "files"),
    ],
)
async def test_malformed_messages_name_what_is_wrong(world: World, body: dict[str, Any], field: str) -> None:
    ada = await world.visitor()
    answer = await ada.call(
        "POST", f"conversations/{ada.thread}/messages", json=body | {"form": ada.session["form"]}
    )
    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'"x"'])
async def test_what_is_no_json(world: World, raw: bytes) -> None:
    ada = await world.visitor()
    answer = await ada.call("POST", f"conversations/{ada.thread}/messages", content=raw)
    assert answer.status_code == 422
    assert answer.json()["detail"]


@pytest.mark.parametrize("thread", ["x", "..%2f..", "1" * 400, "4AD865BB-82CA-40BA-A7D7-D0FACCB43533"])
async def test_threads_that_are_none(world: World, thread: str) -> None:
    ada = await world.visitor()
    answer = await ada.call("GET", f"conversations/{thread}/messages")
    assert answer.status_code in (404, 422)


@pytest.mark.parametrize(
    "after", ["x", "1,2", "9" * 400, "1,zz:1", "-1", "1," + "0" * 32 + ":99999999999999999999999"]
)
async def test_cursors_that_are_none_show_all(world: World, after: str) -> None:
    ada = await world.visitor()
    await ada.say("one")
    assert len([i for i in (await ada.read(after))["items"] if i["kind"] == "message"]) == 1


@pytest.mark.parametrize("upto", [-1, 2**70, "1", None, True, 1.5])
async def test_read_marks_that_are_none(world: World, upto: Any) -> None:
    ada = await world.visitor()
    await ada.say("one")
    answer = await ada.call("POST", f"conversations/{ada.thread}/read", json={"upto": upto})
    assert answer.status_code == 422


async def test_the_same_post_many_times_at_once_is_one(world: World) -> None:
    ada = await world.visitor()
    await ada.say("before")
    native = str(uuid4())
    answers = await asyncio.gather(*(ada.say("same", id=native) for _n in range(8)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    assert [m["text"] for m in await ada.messages()] == ["before", "same"]


async def test_a_requester_blocked_in_the_middle(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one", id="44444444-dddd")
    async with world.desk.unit() as uow:
        person = await uow.session.scalar(select(Person))
        assert person is not None
        await people.block(uow, person)
    path = f"conversations/{ada.thread}/messages"
    for answer in (
        await ada.say("two"),
        await ada.upload(b"words"),
        await ada.call("PUT", f"{path}/44444444-dddd", json={"text": "changed"}),
    ):
        assert answer.status_code == 403
        assert "cannot write here" in answer.json()["detail"]
    assert [m["text"] for m in await ada.messages()] == ["one"]


# --- files


async def test_a_file_goes_with_a_message_and_comes_back(world: World) -> None:
    ada = await world.visitor()
    uploaded = (await ada.upload(b"all I know", "what I know.txt")).json()
    assert uploaded["name"] == "what I know.txt"
    await ada.say("", files=[uploaded["id"]])
    (shown,) = await ada.messages()
    (file,) = shown["files"]
    answer = await ada.http.get(file["url"])
    assert answer.content == b"all I know"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await ada.http.get(file["url"].replace("key=", "key=x"))).status_code == 404
    assert (await ada.http.get(f"files/{file['id']}")).status_code == 404
    await ada.call("DELETE", f"conversations/{ada.thread}/messages/{shown['native']}")
    assert (await ada.http.get(file["url"])).status_code == 404


async def test_a_picture_is_shown_small(world: World) -> None:
    ada = await world.visitor()
    picture = BytesIO()
    Image.new("RGB", (1200, 900), "teal").save(picture, "PNG")
    uploaded = (await ada.upload(picture.getvalue(), "bell.png")).json()
    assert uploaded["inline"]
    await ada.say("look", files=[uploaded["id"]])
    (shown,) = await ada.messages()
    (file,) = shown["files"]
    assert (file["width"], file["height"]) == (1200, 900)
    small = await ada.http.get(file["thumb"])
    assert small.headers["content-type"] == "image/webp"
    assert small.headers["content-disposition"].startswith("inline;")


async def test_a_png_that_is_html_is_only_ever_a_download(world: World) -> None:
    ada = await world.visitor()
    uploaded = (await ada.upload(b"<html><script>alert(1)</script></html>", "photo.png")).json()
    assert not uploaded["inline"]
    await ada.say("look", files=[uploaded["id"]])
    (shown,) = await ada.messages()
    answer = await ada.http.get(shown["files"][0]["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


async def test_an_empty_file_and_one_that_is_too_large(world: World) -> None:
    ada = await world.visitor()
    empty = await ada.upload(b"")
    assert empty.status_code == 422
    large = await ada.upload(b"x" * (26 * 1024 * 1024))
    assert large.status_code == 413
    unsaid = await ada.upload(_pieces(26))
    assert unsaid.status_code == 413
    assert await _stored(world) == 0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..%2F..%2Fwindows%5Csystem32%5Ccmd.exe", "cmd.exe"),
        ("bill%E2%80%AEgpj.exe", "billgpj.exe"),
        ("%F0%9F%94%94.txt", "🔔.txt"),
        ("", "file"),
    ],
)
async def test_names_that_mislead(world: World, name: str, shown: str) -> None:
    ada = await world.visitor()
    assert (await ada.upload(b"x", name)).json()["name"] == shown


async def test_an_upload_that_breaks_off_leaves_nothing(world: World, tmp_path: Path) -> None:
    ada = await world.visitor()

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/chat/webchat/files",
        "raw_path": b"/chat/webchat/files",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in ada.headers.items()],
        "client": ("192.0.2.1", 1),
    }
    coming = [
        {"type": "http.request", "body": b"x" * 100_000, "more_body": True},
        {"type": "http.disconnect"},
    ]
    answered: list[Any] = []

    async def receive() -> Any:
        return coming.pop(0)

    async def send(message: Any) -> None:
        answered.append(message)

    await mounted(world.chat)(scope, receive, send)
    assert answered[0]["status"] == 400
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert await _stored(world) == 0
    assert (await ada.upload(b"whole")).status_code == 200


@pytest.mark.parametrize("email", ["a@b\ufffd.example", "a@b\u200b.example", "a\u2060b@c.example"])
async def test_an_address_that_no_mail_reaches(world: World, email: str) -> None:
    ada = await world.visitor()
    answer = await ada.call("POST", "contact", json={"name": "Ada", "email": email})
    assert (answer.status_code, answer.json()["field"]) == (422, "email")


async def test_a_body_that_does_not_go_on_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await world.visitor()
    monkeypatch.setattr(patience, "BETWEEN_SECONDS", 0.05)

    async def stuck() -> AsyncIterator[bytes]:
        yield b'{"id": '
        await asyncio.Event().wait()

    for path in ("session", f"conversations/{ada.thread}/messages", "files"):
        answer = await ada.call("POST", path, content=stuck())
        assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
        assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("day", ["²", "", "-1", "x", "٣"])
async def test_an_address_of_a_file_with_a_day_that_is_none(world: World, day: str) -> None:
    asked = {"visitor": "v", "day": day, "key": "k"}
    assert (await world.http.get(f"files/{uuid4()}", params=asked)).status_code == 404


@pytest.mark.parametrize("wrong", ["a\x00b", "\x00", "a\ud800", "two words"])
async def test_an_answer_to_what_is_no_message(world: World, wrong: str) -> None:
    """Refused at once, not put aside and never worked off."""
    ada = await world.visitor()
    body = {"id": str(uuid4()), "form": ada.session["form"], "text": "yes", "reply_to": wrong}
    answer = await ada.call("POST", f"conversations/{ada.thread}/messages", content=json.dumps(body).encode())
    assert answer.status_code == 422, answer.text
    async with world.desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Inbound)) == 0


@pytest.mark.parametrize("button", ["rate:1:²", "claim:ticket:\x00", "\ud800", "claim:ticket:1\x00"])
async def test_a_button_that_is_none(world: World, button: str) -> None:
    ada = await world.visitor()
    body = json.dumps({"id": str(uuid4()), "button": button}).encode()
    answer = await ada.call("POST", f"conversations/{ada.thread}/pressed", content=body)
    assert answer.status_code == 422, answer.text


async def test_anothers_file_cannot_be_sent(world: World) -> None:
    ada, eve = await world.visitor(), await world.visitor()
    uploaded = (await ada.upload(b"secret")).json()
    await eve.say("hello")
    assert (await eve.say("mine now", files=[uploaded["id"]])).status_code == 422


async def _pieces(megabytes: int) -> AsyncIterator[bytes]:
    for _n in range(megabytes):
        yield b"x" * 1024 * 1024


async def _stored(world: World) -> int:
    async with world.desk.unit() as uow:
        return await uow.session.scalar(select(func.count()).select_from(Attachment)) or 0

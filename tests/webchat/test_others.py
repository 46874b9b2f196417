"""Every endpoint of the chat, called by another visitor with the names of what is Ada's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select
from starlette.routing import Route

from core.conversations import service as conversations
from core.conversations.model import Attachment, Message, MessageRevision, Reaction
from core.db import EventRow
from core.people import service as people
from core.tickets import access, joining
from core.tickets import service as tickets
from core.tickets.model import Participant, Ticket
from tests.webchat.conftest import Visitor, World

SECRET = "quincunx"
SENT: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/conversations/{thread}/messages"): {"id": "44444444-eeee", "text": "let me in"},
    ("PUT", "/conversations/{thread}/messages/{native}"): {"text": "changed", "version": "2"},
    ("PUT", "/conversations/{thread}/messages/{native}/reactions"): {"emoji": ["👍"]},
    ("POST", "/conversations/{thread}/read"): {"upto": 1},
    ("POST", "/conversations/{thread}/rating"): {"score": 1},
    ("POST", "/conversations/{thread}/transcript"): {"email": "eve@example.com"},
    ("POST", "/conversations/{thread}/pressed"): {"id": "55555555-eeee", "button": "close:ticket:1"},
    ("POST", "/conversations/{thread}/submitted"): {"id": "66666666-eeee", "form": "rate:1", "values": {"score": "1"}},
    ("POST", "/contact"): {"name": "Eve", "email": "eve@example.com"},
    ("POST", "/session"): {},
}  # fmt: skip


async def _state(world: World) -> list[Any]:
    """All that another visitor could have changed of Ada's."""
    async with world.desk.db.sessions() as session:
        ticket = (await session.scalars(select(Ticket).where(Ticket.number == 1))).one()
        said = await session.execute(
            select(Message.id, Message.body, Message.deleted_at, Message.revision)
            .where(Message.conversation_id == ticket.conversation_id)
            .order_by(Message.seq)
        )
        counts = [
            await session.scalar(select(func.count()).select_from(model))
            for model in (Reaction, MessageRevision)
        ]
        marks = await session.execute(
            select(Participant.person_id, Participant.read_seq).where(Participant.ticket_id == ticket.id)
        )
        events = await session.scalar(
            select(func.count()).where(EventRow.conversation_id == ticket.conversation_id)
        )
        return [ticket.status, ticket.rating, ticket.version, said.all(), counts, marks.all(), events]


@pytest.fixture
async def ada(world: World) -> Visitor:
    """Ada's chat: her words, a file, an answer with a note and a held reply behind it."""
    ada = await world.visitor()
    file = (await ada.upload(b"secret", f"{SECRET}.txt")).json()["id"]
    await ada.say(f"mine alone {SECRET}", id="33333333-cccc", files=[file])
    bob = await world.agent()
    await world.reply(bob, 1, f"an answer {SECRET}")
    async with world.desk.unit(bob) as uow:
        await tickets.note(uow, bob, 1, "a note: zugzwang")
    await world.reply(bob, 1, "held: zugzwang", hold=600)
    return ada


async def test_no_endpoint_tells_or_changes_anything_of_anothers(world: World, ada: Visitor) -> None:
    eve = await world.visitor()
    await eve.say("my own matter")
    eve.thread = ada.thread
    before = await _state(world)
    assert world.chat.http is not None
    seen = set()
    for route in world.chat.http.routes:
        if not isinstance(route, Route):
            continue
        (file,) = [row["id"] for item in await ada.messages() for row in item["files"]]
        path = (
            route.path.format(thread=ada.thread, native="33333333-cccc", id=file)
            if "{" in route.path
            else route.path
        )
        for method in (route.methods or set()) - {"HEAD"}:
            if path == "/events":
                continue
            seen.add((method, route.path))
            answer = await eve.call(method, path.removeprefix("/"), json=SENT.get((method, route.path), {}))
            assert answer.status_code < 500, (method, path)
            assert SECRET not in answer.text, (method, path)
            assert "zugzwang" not in answer.text, (method, path)
            assert await _state(world) == before, (method, path)
    assert len(seen) >= 22
    assert seen >= SENT.keys()


async def test_a_native_id_and_an_upload_are_their_visitors_alone(world: World, ada: Visitor) -> None:
    eve = await world.visitor()
    waiting = (await ada.upload(b"not sent yet", "waiting.txt")).json()["id"]
    assert (await eve.say("mine now?", files=[waiting])).status_code == 422
    # The same id in her own thread is a message of her own.
    assert (await eve.say("hello", id="33333333-cccc")).json()["state"] == "sent"
    assert [item["text"] for item in await eve.messages()] == ["hello"]
    assert (await eve.call("DELETE", f"conversations/{eve.thread}/messages/33333333-cccc")).status_code == 200
    assert f"mine alone {SECRET}" in [item["text"] for item in await ada.messages()]


async def test_a_file_opens_by_its_own_key_only_and_closes_with_its_message(
    world: World, ada: Visitor
) -> None:
    (item,) = [item for item in await ada.messages() if item["files"]]
    url = item["files"][0]["url"]
    served = await ada.http.get(url)
    assert served.content == b"secret"
    assert (
        served.headers["content-security-policy"].startswith("sandbox")
        or "sandbox" in served.headers["content-security-policy"]
    )
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-disposition"].startswith("attachment")
    eve = await world.visitor()
    key = url.split("key=")[1]
    for wrong in (url.replace(key, "x" * len(key)), url.replace("visitor=", "visitor=0"), url.split("?")[0]):
        assert (await eve.http.get(wrong)).status_code == 404
    async with world.desk.unit() as uow:
        note = await uow.session.scalar(select(Attachment.message_id))
        assert note is not None
        opened = await access.change(uow, uow.actor, 1)
        await conversations.hide(uow, opened.thread, await tickets.message_in(uow, opened, UUID(str(note))))
    assert (await ada.http.get(url)).status_code == 404


async def test_the_visitor_reads_no_note_and_no_held_reply_anywhere(world: World, ada: Visitor) -> None:
    for path in ("conversations", f"conversations/{ada.thread}/messages"):
        assert "zugzwang" not in (await ada.call("GET", path)).text
    again = await world.visitor(token=ada.session["token"])
    assert "zugzwang" not in str(again.session)
    assert (again.session["conversations"][0]["unread"], again.session["conversations"][0]["last"]) == (
        1, f"an answer {SECRET}",
    )  # fmt: skip


async def test_what_a_command_asks_comes_step_by_step(ada: Visitor) -> None:
    """The page shows cards, so a form comes as its questions."""
    asked = (await ada.say("/new")).json()
    assert asked.get("form") is None
    assert [button["label"] for button in asked["cards"][0]["buttons"]] == ["Cancel"]
    asked = (await ada.say("Broken light")).json()
    assert "How can we help?" in str(asked["cards"][0])
    done = (await ada.say("It does not go on")).json()
    assert "Broken light" in str(done["cards"][0])


async def test_an_old_browser_does_not_move_the_account_to_another_address(
    world: World, ada: Visitor
) -> None:
    """What Ada began in the chat was joined to her account; whoever has that browser has its token."""
    async with world.desk.unit() as uow:
        account = await people.add(uow, name="Ada", email="ada@example.com", verified=True)
        digest = people.digest_of_identity(uow, "webchat", "main", ada.session["visitor"])
        other = await people.by_identity(uow, digest)
        assert other is not None
        await joining.absorb(uow, account, other)
    taken = {"name": "Eve", "email": "eve@example.com"}
    assert (await ada.call("POST", "contact", json=taken)).json()["email"] == "ada@example.com"
    path = f"conversations/{ada.thread}/transcript"
    assert (await ada.call("POST", path, json=taken)).json()["email"] == "ada@example.com"
    async with world.desk.unit() as uow:
        still = await people.by_email(uow, "ada@example.com")
        assert still is not None
        assert (still.id, (await people.know(uow, still)).name) == (account.id, "Ada")

"""A visitor's talk over HTTP: said, answered, edited, deleted, reacted, seen, rated."""

from __future__ import annotations

from uuid import UUID, uuid4

from core import clock
from core.conversations.model import Message
from core.kb import service as articles
from core.tickets import access, timeline
from core.tickets import service as tickets
from tests.webchat.conftest import World


async def test_a_question_is_answered(world: World) -> None:
    ada = await world.visitor()
    said = await ada.say("The printer is on **fire**")
    assert said.status_code == 200
    assert said.json()["state"] == "sent"
    bob = await world.agent()
    await world.reply(bob, 1, "Help is on its way")
    found = await ada.read()
    messages = [item for item in found["items"] if item["kind"] == "message"]
    facts = [item["text"] for item in found["items"] if item["kind"] == "fact"]
    assert [m["side"] for m in messages] == ["me", "them"]
    assert messages[0]["html"].strip() == "<p>The printer is on <strong>fire</strong></p>"
    assert messages[1]["author"] == "Bob"
    assert facts == ["Your message has arrived.", "Bob is looking into it."]
    assert found["status"]["agent"] == {"name": "Bob", "away": False, "here": True}
    assert found["status"]["unread"] == 1
    assert found["status"]["seen"] >= messages[0]["seq"]


async def test_the_same_message_twice_is_one_with_the_same_answer(world: World) -> None:
    ada = await world.visitor()
    native = str(uuid4())
    first = await ada.say("Hello there", id=native)
    again = await ada.say("Hello there", id=native)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert len(await ada.messages()) == 1


async def test_only_what_is_new_comes_after_a_cursor(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    cursor = (await ada.read())["cursor"]
    assert (await ada.read(cursor))["items"] == []
    await ada.say("two")
    found = await ada.read(cursor)
    assert [item["text"] for item in found["items"]] == ["two"]
    assert not found["whole"]


async def test_a_held_reply_appears_when_its_time_has_come(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    held = await world.reply(bob, 1, "wait for it", hold=60)
    await ada.say("two")
    found = await ada.read()
    assert [i["text"] for i in found["items"] if i["kind"] == "message"] == ["one", "two"]
    async with world.desk.unit() as uow:
        message = await uow.session.get(Message, held)
        assert message is not None
        message.visible_at = clock.now()
    after = await ada.read(found["cursor"])
    assert [i["side"] for i in after["items"] if i["kind"] == "message"] == ["them"]


async def test_notes_are_never_shown(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    async with world.desk.unit(bob) as uow:
        await tickets.note(uow, bob, 1, "a difficult customer")
    assert "difficult" not in str(await ada.read())


async def test_edit_delete_and_reactions(world: World) -> None:
    ada = await world.visitor()
    await ada.say("helo", id="11111111-aaaa")
    await ada.say("oops", id="22222222-bbbb")
    cursor = (await ada.read())["cursor"]
    path = f"conversations/{ada.thread}/messages"
    edited = await ada.call("PUT", f"{path}/11111111-aaaa", json={"text": "hello", "version": "v1"})
    deleted = await ada.call("DELETE", f"{path}/22222222-bbbb")
    bob = await world.agent()
    reply = await world.reply(bob, 1, "hi")
    reacted = await ada.call("PUT", f"{path}/{reply}/reactions", json={"emoji": ["👍"]})
    assert [edited.status_code, deleted.status_code, reacted.status_code] == [200, 200, 200]
    items = {i["native"]: i for i in (await ada.read(cursor))["items"] if i["kind"] == "message"}
    assert items["11111111-aaaa"]["edited"]
    assert items["11111111-aaaa"]["text"] == "hello"
    assert items["22222222-bbbb"]["deleted"]
    assert items["22222222-bbbb"]["html"] == ""
    assert items[str(reply)]["reactions"] == [{"emoji": "👍", "count": 1, "mine": True}]


async def test_another_visitor_sees_nothing_and_changes_nothing(world: World) -> None:
    ada, eve = await world.visitor(), await world.visitor()
    await ada.say("mine alone", id="33333333-cccc")
    eve.thread = ada.thread
    path = f"conversations/{ada.thread}/messages"
    assert (await eve.read())["items"] == []
    assert (await eve.call("DELETE", f"{path}/33333333-cccc")).status_code == 404
    assert (await eve.call("POST", f"conversations/{ada.thread}/read", json={"upto": 1})).status_code == 404
    answer = await eve.http.get(
        "conversations", headers={"authorization": "Bearer " + ada.session["token"][:-2] + "xx"}
    )
    assert answer.status_code == 401
    assert (await eve.call("GET", "conversations")).json() == {"conversations": []}


async def test_a_visitor_finds_their_conversations_again(world: World) -> None:
    ada = await world.visitor()
    await ada.say("The first matter")
    again = await world.visitor(token=ada.session["token"])
    assert again.session["token"] == ada.session["token"]
    (found,) = again.session["conversations"]
    assert found["id"] == ada.thread
    assert found["subject"] == "The first matter"
    assert found["last_mine"]


async def test_read_marks_move_and_unread_falls(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    await world.reply(bob, 1, "two")
    status = (await ada.read())["status"]
    assert status["unread"] == 1
    assert (
        await ada.call("POST", f"conversations/{ada.thread}/read", json={"upto": status["read"]})
    ).status_code == 204
    assert (await ada.read())["status"]["unread"] == 0


async def test_resolved_rated_and_reopened_by_a_reply(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    bob = await world.agent()
    await world.reply(bob, 1, "done")
    async with world.desk.unit(bob) as uow:
        await tickets.resolve(uow, bob, 1)
    status = (await ada.read())["status"]
    assert status["status"] == "resolved"
    assert status["may_rate"]
    rated = await ada.call(
        "POST", f"conversations/{ada.thread}/rating", json={"score": 5, "comment": "quick"}
    )
    assert rated.status_code == 200
    wrong = await ada.call("POST", f"conversations/{ada.thread}/rating", json={"score": 9})
    assert wrong.status_code == 422
    await ada.say("one more thing")
    found = await ada.read()
    assert found["status"]["status"] == "in_progress"
    assert found["status"]["rating"] == 5
    assert "This conversation is open again." in [i.get("text") for i in found["items"]]


async def test_what_follows_a_closed_ticket_is_shown_in_the_same_thread(world: World) -> None:
    ada = await world.visitor()
    await ada.say("one")
    ended = await ada.call("POST", f"conversations/{ada.thread}/end", json={})
    assert ended.status_code == 200
    await ada.say("two")
    found = await ada.read()
    assert [i["text"] for i in found["items"] if i["kind"] == "message"] == ["one", "two"]
    assert found["status"]["number"] == 2


async def test_a_merged_ticket_goes_on_in_the_other(world: World) -> None:
    ada = await world.visitor()
    await ada.say("first words")
    first = ada.thread
    ada.thread = str(uuid4())
    await ada.say("second words")
    bob = await world.agent()
    async with world.desk.unit(bob) as uow:
        await tickets.merge(uow, bob, 2, 1)
    await world.reply(bob, 1, "for both")
    for thread in (first, ada.thread):
        ada.thread = thread
        assert {m["html"].strip() for m in await ada.messages()} >= {"<p>second words</p>", "<p>for both</p>"}


async def test_hidden_messages_leave_a_placeholder(world: World) -> None:
    from core.conversations import service as conversations

    ada = await world.visitor()
    said = (await ada.say("rude words")).json()
    bob = await world.agent()
    async with world.desk.unit(bob) as uow:
        opened = await access.change(uow, bob, 1)
        message = await uow.session.get(Message, UUID(said["message"]))
        assert message is not None
        await conversations.hide(uow, opened.thread, message)
    (shown,) = await ada.messages()
    assert shown["hidden"]
    assert "rude" not in str(shown)


async def test_contact_and_transcript(world: World) -> None:
    from sqlalchemy import select

    from core.outbox_model import Delivery

    ada = await world.visitor()
    await ada.say("one")
    path = f"conversations/{ada.thread}/transcript"
    assert (await ada.call("POST", path, json={})).status_code == 422
    wrong = await ada.call("POST", "contact", json={"name": "Ada", "email": "not an address"})
    assert wrong.json()["field"] == "email"
    right = await ada.call("POST", "contact", json={"name": "Ada L.", "email": "ada@example.com"})
    assert right.json() == {"name": "Ada L.", "email": "ada@example.com"}
    too_early = await ada.call("POST", path, json={})
    assert too_early.json() == {"email": "ada@example.com", "sent": False}
    await world.reply(await world.agent(), 1, "two")
    assert (await ada.call("POST", path, json={})).json() == {"email": "ada@example.com", "sent": True}
    async with world.desk.unit() as uow:
        (row,) = list(await uow.session.scalars(select(Delivery).where(Delivery.card == "transcript")))
        assert row.person_id is not None
        assert row.args == {"ticket": 1}


async def test_the_visitors_zone_is_the_browsers(world: World) -> None:
    from sqlalchemy import select

    from core.people import service as people
    from core.people.model import Person

    for zone in ("Pacific/Auckland", "Middle/Earth"):
        ada = await world.visitor()
        body = {"id": "77777777-aaaa", "text": "one", "form": ada.session["form"]}
        path = f"conversations/{ada.thread}/messages"
        assert (await ada.call("POST", path, json=body, headers={"x-zone": zone})).status_code == 200
    async with world.desk.unit() as uow:
        found = await uow.session.scalars(select(Person).order_by(Person.created_at))
        assert [(await people.know(uow, each)).profile.zone for each in found] == ["Pacific/Auckland", "UTC"]


async def test_agents_names_may_be_kept_private(world: World) -> None:
    await world.set(show_agent_names=False)
    ada = await world.visitor()
    await ada.say("one")
    await world.reply(await world.agent("Bob Smith"), 1, "two")
    assert "Bob" not in str(await ada.read())


async def test_german_by_the_browser(world: World) -> None:
    page = await world.http.get("./", headers={"accept-language": "de-AT,en;q=0.5"})
    assert '<html lang="de"' in page.text


async def test_who_comes_from_an_article_says_which_one_with_the_first_words(world: World) -> None:
    async with world.desk.unit() as uow:
        _article, text = await articles.create(uow, uow.actor, title="Reset the hub", body="Hold both.")
        await articles.publish(uow, uow.actor, text.id, version=text.version)
    ada = await world.visitor()
    native = str(uuid4())
    for _time in range(2):
        await ada.say("It still blinks.", id=native, article=str(text.id))
    await ada.say("And now it is dark.", article=str(text.id))
    async with world.desk.unit() as uow:
        opened = await access.get(uow, uow.actor, 1)
        page = await timeline.timeline(uow, uow.actor, opened)
    notes = [line.text for line in page.lines if not line.fact and line.note]
    assert len(notes) == 1
    assert "[Reset the hub](" in notes[0]
    assert "/help/en/reset-the-hub)" in notes[0]
    assert [item["text"] for item in await ada.messages()] == ["It still blinks.", "And now it is dark."]

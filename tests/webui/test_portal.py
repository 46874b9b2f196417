"""A requester's own tickets, through the pages; and others' tickets, which are not there."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.conversations.model import Attachment, Message
from core.desk import Desk
from core.people import service as people
from core.people.model import Organisation, Person
from core.rate import Budget
from core.tickets import access
from core.tickets import service as tickets
from core.tickets.model import Category, Ticket
from tests.webui.browsing import Browser, World

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000 1f15c4890000000d49444154789c6360f8cf50"
    "0f0003860180 5a347d6b0000000049454e44ae426082".replace(" ", "")
)
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.fixture
def world(desk: Desk) -> World:
    return World(desk)


@pytest.fixture
async def ada(world: World) -> Person:
    return await world.person("Ada Okafor", "ada@example.org")


async def opened_by(world: World, person: Person, text: str = "My lamp is dark", **more: object) -> int:
    async with world.desk.unit() as uow:
        person = await people.get(uow, person.id)
        actor = await people.actor_of(uow, person)
        made = await tickets.open_ticket(uow, actor, person, tickets.Request(text=text, **more))  # type: ignore[arg-type]
        return made.number


async def answered(world: World, number: int, text: str = "Turn it on", hold: int = 0) -> Person:
    agent = await world.person("Bob Agent", role="agent")
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, agent.id))
        await tickets.reply(uow, actor, number, text, hold=hold)
    return agent


async def ticket_of(world: World, number: int) -> Ticket:
    async with world.desk.unit() as uow:
        return (await uow.session.scalars(select(Ticket).where(Ticket.number == number))).one()


# --- the start --------------------------------------------------------------------------


async def test_the_start_page_welcomes_strangers_and_sends_others_to_work(world: World, ada: Person) -> None:
    async with world.browser() as browser:
        await browser.look("/")
        for href in ("/chat", "/sign-in", "/my"):
            assert f'href="{href}"' in browser.page.text
    async with world.signed_in(ada) as browser:
        assert (await browser.get("/")).headers["location"] == "/my"
    async with world.signed_in(await world.person("Bob", role="agent")) as browser:
        assert (await browser.get("/")).headers["location"] == "/desk"


async def test_the_pages_speak_the_readers_language(world: World) -> None:
    async with world.browser(**{"accept-language": "de-AT,de;q=0.9"}) as browser:
        await browser.look("/")
        assert '<html lang="de"' in browser.page.text


# --- asking -----------------------------------------------------------------------------


async def test_a_ticket_by_form_without_categories(world: World, ada: Person) -> None:
    async with world.signed_in(ada) as browser:
        await browser.look("/my")
        assert "No tickets yet" in browser.text
        await browser.look("/my/new")
        form = {
            "subject": "Dark lamp",
            "text": "It is **dark**.\n\n<b>raw</b> ![x](https://evil.example/x.png)",
        }
        await browser.submit("/my/tickets", form, files=[("files", ("lamp.png", PNG, "image/png"))])
        assert "Your request is here." in browser.page.text
        assert "<strong>dark</strong>" in browser.page.text
        assert "<b>raw" not in browser.page.text
        assert '<img src="https://evil' not in browser.page.text
        assert "lamp.png" in browser.page.text
        await browser.look("/my")
        assert "Dark lamp" in browser.text


async def test_a_ticket_by_form_in_two_steps_with_its_categorys_questions(world: World, ada: Person) -> None:
    async with world.desk.unit() as uow:
        billing = Category(name="Billing")
        retired = Category(name="Retired", active=False)
        uow.session.add_all([billing, retired])
        await uow.session.flush()
        refund = Category(
            name="Refund",
            parent_id=billing.id,
            fields=[
                {"id": "invoice", "label": "Invoice number", "type": "number", "required": True},
                {"id": "paid", "label": "Paid already", "type": "bool"},
                {"id": "way", "label": "Way", "type": "choice", "options": ["Card", "Bank"]},
            ],
        )
        uow.session.add_all([refund, Category(name="Below", parent_id=retired.id)])
    async with world.signed_in(ada) as browser:
        await browser.look("/my/new")
        assert "Billing › Refund" in browser.text
        assert "Below" not in browser.text
        assert "What happened?" not in browser.text
        await browser.look("/my/new", params={"category": str(refund.id)})
        await browser.submit("/my/tickets", {"subject": "", "text": " ", "field_way": "Cash"})
        for words in (
            "in a few words what it is about",
            "tell us what happened",
            "Invoice number” is needed",
        ):
            assert words in browser.text, "all that is wrong is said at once"
        form = {"subject": "Money back", "text": "Please", "priority": "high", "field_way": "Cash"}
        await browser.submit("/my/tickets", form)
        assert browser.page.status_code == 422
        assert "“Invoice number” is needed." in browser.text
        sent = next(one for one in browser.forms() if one.action == "/my/tickets")
        assert sent.fields["subject"] == "Money back"
        assert sent.fields["priority"] == "high"
        await browser.submit("/my/tickets", {"field_invoice": "twelve"})
        assert "is not a number" in browser.text
        assert 'value="twelve"' in browser.page.text
        await browser.submit("/my/tickets", {"field_invoice": "12", "field_way": "Bank"})
        assert browser.page.status_code == 200
        for words in ("Invoice number", "12", "Bank", "Refund"):
            assert words in browser.text
    ticket = await ticket_of(world, 1)
    assert ticket.priority == "high"
    assert ticket.category_id == refund.id


async def test_the_same_form_twice_is_one_ticket(world: World, ada: Person) -> None:
    async with world.signed_in(ada) as browser:
        await browser.look("/my/new")
        form = next(one for one in browser.forms() if one.action == "/my/tickets").fields
        form |= {"subject": "Once", "text": "only"}
        places = {
            (await browser.post("/my/tickets", data=form)).headers["location"].split("?")[0]
            for _n in range(2)
        }
        assert places == {"/my/tickets/1"}


async def test_what_is_missing_is_said_and_files_are_kept(world: World, ada: Person) -> None:
    async with world.signed_in(ada) as browser:
        await browser.look("/my/new")
        await browser.submit(
            "/my/tickets", {"subject": "Lamp"}, files=[("files", ("a.txt", b"words", "text/plain"))]
        )
        assert browser.page.status_code == 422
        assert "Please tell us what happened." in browser.text
        assert "1 file is kept from before." in browser.text
        await browser.submit("/my/tickets", {"text": "It is dark"})
        assert "a.txt" in browser.page.text
        csrf = browser.forms()[0].fields["csrf"]
        answer = await browser.post(
            "/my/tickets", data={"csrf": csrf, "subject": "x", "text": "y", "category": "nonsense"}
        )
        assert answer.status_code == 422


async def test_bad_files_are_refused_with_words(world: World, ada: Person) -> None:
    async with world.signed_in(ada) as browser:
        await browser.look("/my/new")
        form = {"subject": "Lamp", "text": "dark"}
        await browser.submit("/my/tickets", form, files=[("files", ("empty.txt", b"", "text/plain"))])
        assert "This file is empty." in browser.text
        world.desk.means.settings = world.desk.means.settings.model_copy(update={"attachment_mb": 1})
        big = b"x" * (1024 * 1024 + 1)
        await browser.submit("/my/tickets", form, files=[("files", ("big.bin", big, "application/x"))])
        assert browser.page.status_code == 413
        assert "too large" in browser.text
    async with world.desk.unit() as uow:
        assert (await uow.session.scalars(select(Ticket))).all() == []


# --- the conversation -------------------------------------------------------------------


async def test_only_what_is_public_and_no_longer_held_is_shown(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    agent = await answered(world, number, "Visible answer")
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, agent.id))
        await tickets.note(uow, actor, number, "Whispered note")
        await tickets.reply(uow, actor, number, "Held answer", hold=60)
        await tickets.tag(uow, actor, number, add=["difficult"])
    async with world.signed_in(ada) as browser:
        await browser.look("/my")
        assert "new answer" in browser.text
        await browser.look(f"/my/tickets/{number}")
        assert "Visible answer" in browser.text
        for hidden in ("Whispered", "Held answer", "difficult"):
            assert hidden not in browser.page.text
        assert f'data-live-url="/live?ticket={number}"' in browser.page.text
        fragment = await browser.get(f"/my/tickets/{number}/timeline", headers={"x-fragment": "1"})
        assert "Visible answer" in fragment.text
        assert "<html" not in fragment.text
        await browser.look("/my")
        assert "new answer" not in browser.text


async def test_a_reply_with_a_file_wakes_the_ticket(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    agent = await answered(world, number)
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, agent.id))
        await tickets.wait(uow, actor, number)
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
        action = f"/my/tickets/{number}/messages"
        await browser.submit(action, {"body": "  "})
        assert browser.page.status_code == 422
        assert "The message is empty." in browser.text
        files = [("files", ("note.txt", b"see here", "text/plain"))]
        await browser.submit(action, {"body": "Still dark"}, files=files)
        assert "Still dark" in browser.text
        assert "note.txt" in browser.text
        csrf = browser.forms()[0].fields["csrf"]
        answer = await browser.post(
            action, data={"body": ""}, headers={"x-csrf-token": csrf, "x-fragment": "1"}
        )
        assert answer.status_code == 422
        assert answer.json()["detail"]
    assert (await ticket_of(world, number)).status == "in_progress"


async def test_the_browsers_own_id_makes_a_retry_harmless(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
        form = {"body": "once", "message_id": "01890000-0000-7000-8000-000000000001"}
        for _n in range(2):
            await browser.submit(f"/my/tickets/{number}/messages", form)
        assert browser.text.count(" once ") == 1
    eve = await world.person("Eve", "eve@example.org")
    other = await opened_by(world, eve)
    async with world.signed_in(eve) as browser:
        await browser.look(f"/my/tickets/{other}")
        await browser.submit(f"/my/tickets/{other}/messages", form)
        assert browser.page.status_code == 422
        assert "once" not in browser.text.replace("form was used already", "")


async def test_ones_own_words_can_be_changed_and_deleted(world: World, ada: Person) -> None:
    number = await opened_by(world, ada, "My lmap is dark")
    agent = await answered(world, number)
    async with world.desk.unit() as uow:
        mine = (await uow.session.scalars(select(Message).where(Message.author_id == ada.id))).one()
        theirs = (await uow.session.scalars(select(Message).where(Message.author_id == agent.id))).one()
    base = f"/my/tickets/{number}/messages"
    async with world.signed_in(ada) as browser:
        await browser.look(f"{base}/{mine.id}/edit")
        await browser.submit(f"{base}/{mine.id}", {"text": ""})
        assert browser.page.status_code == 422
        await browser.submit(f"{base}/{mine.id}", {"text": "My lamp is dark"})
        assert "Your message is changed." in browser.page.text
        assert "edited" in browser.text
        assert (await browser.look(f"{base}/{theirs.id}/edit")).status_code == 404
        await browser.look(f"/my/tickets/{number}")
        csrf = browser.forms()[0].fields["csrf"]
        for action in (f"{base}/{theirs.id}", f"{base}/{theirs.id}/delete"):
            assert (await browser.post(action, data={"csrf": csrf, "text": "hacked"})).status_code == 404
        await browser.submit(f"{base}/{mine.id}/delete")
        assert "This message was deleted." in browser.text


async def test_what_an_agent_notes_as_the_solution_stays_with_the_agents(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    agent = await answered(world, number)
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, agent.id))
        await tickets.resolve(uow, actor, number, "Sent a new one, they broke it themselves")
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
    assert "Turn it on" in browser.text
    assert "broke it" not in browser.text


async def test_closing_reopening_and_rating(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    await answered(world, number)
    base = f"/my/tickets/{number}"
    async with world.signed_in(ada) as browser:
        await browser.look(base)
        await browser.submit(f"{base}/close")
        assert "The ticket is closed." in browser.page.text
        await browser.submit(f"{base}/reopen")
        assert "open again" in browser.page.text
        await browser.submit(f"{base}/rating", {"comment": "quick and kind"})
        assert browser.page.status_code == 422
        assert "from 1 to 5" in browser.text
        assert "quick and kind" in browser.page.text
        await browser.submit(f"{base}/rating", {"score": "4", "comment": "quick and kind"})
        assert "Thank you" in browser.page.text
        await browser.submit(f"{base}/close")
        later = clock.now() + timedelta(days=30)
        with clock.fixed(lambda: later):
            async with world.signed_in(ada) as again:
                await again.look(base)
                assert f"{base}/reopen" not in again.page.text, "what is refused is not offered"
                token = again.forms()[0].fields["csrf"]
                refused = await again.post(f"{base}/reopen", data={"csrf": token})
                assert (refused.status_code, "too old" in refused.text) == (403, True)
                await again.submit(f"{base}/messages", {"body": "Dark once more"})
                assert again.page.url.path == f"/my/tickets/{number + 1}"
    assert (await ticket_of(world, number)).rating == 4


# --- lists ------------------------------------------------------------------------------


async def test_the_list_is_paged_by_key_and_found_by_status(world: World, ada: Person) -> None:
    numbers = [await opened_by(world, ada, f"Question {n:03}") for n in range(45)]
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{numbers[7]}")
        await browser.submit(f"/my/tickets/{numbers[7]}/close")
        await browser.look("/my?status=done")
        assert re.findall(r"Question (\d{3})", browser.text) == ["007"]
        seen: list[str] = []
        await browser.look("/my?status=open")
        while True:
            seen += re.findall(r"Question (\d{3})", browser.text)
            older = re.search(r'href="([^"]+)"[^>]*rel="next"', browser.page.text)
            if older is None:
                break
            await browser.look(older.group(1).replace("&amp;", "&"))
        assert len(seen) == len(set(seen)) == 44
        assert (await browser.look("/my?after=nonsense")).status_code == 422


async def test_members_of_an_organisation_share_where_it_says_so(world: World, ada: Person) -> None:
    eve = await world.person("Eve", "eve@example.org")
    async with world.desk.unit() as uow:
        organisation = Organisation(name=b"x", members_see_all=True)
        uow.session.add(organisation)
        await uow.session.flush()
        for person in (ada, eve):
            (await people.get(uow, person.id)).organisation_id = organisation.id
    number = await opened_by(world, eve, "Question of Eve")
    async with world.signed_in(ada) as browser:
        await browser.look("/my")
        assert "Question of Eve" not in browser.text
        await browser.look("/my?of=organisation")
        assert "Question of Eve" in browser.text
        await browser.look(f"/my/tickets/{number}")
        assert "Close ticket" not in browser.text
        csrf = browser.forms()[0].fields["csrf"]
        assert (await browser.post(f"/my/tickets/{number}/close", data={"csrf": csrf})).status_code == 403


# --- what is not there ------------------------------------------------------------------


async def every_way(browser: Browser, number: int, message: object) -> set[int]:
    csrf = browser.forms()[0].fields["csrf"]
    base = f"/my/tickets/{number}"
    found = {
        (await browser.get(path)).status_code
        for path in (base, f"{base}/timeline", f"{base}/messages/{message}/edit")
    }
    for action in (
        "messages",
        "close",
        "reopen",
        "rating",
        f"messages/{message}",
        f"messages/{message}/delete",
    ):
        form = {"csrf": csrf, "body": "x", "text": "x", "score": "5"}
        found.add((await browser.post(f"{base}/{action}", data=form)).status_code)
    return found


async def test_other_peoples_tickets_are_not_found(world: World, ada: Person) -> None:
    eve = await world.person("Eve", "eve@example.org")
    number = await opened_by(world, eve, "Secret of Eve")
    async with world.desk.unit() as uow:
        message = (await uow.session.scalars(select(Message.id).where(Message.author_id == eve.id))).one()
    async with world.signed_in(ada) as browser:
        await browser.look("/my")
        assert await every_way(browser, number, message) == {404}
        assert await every_way(browser, 987_654, message) == {404}
        assert await every_way(browser, 2**80, message) == {404}
        assert [(await browser.get(f"/my/tickets/{name}")).status_code for name in ("abc", "1.5", "²")] == [
            404
        ] * 3
        missing = await browser.get("/my/tickets/987654")
        foreign = await browser.get(f"/my/tickets/{number}")
        plain = re.compile(r"\d+|[0-9a-f]{64}")
        assert plain.sub("", missing.text) == plain.sub("", foreign.text)


async def test_strangers_are_asked_to_sign_in_and_come_back(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    async with world.browser() as browser:
        for path in (
            "/my",
            "/my/new",
            f"/my/tickets/{number}",
            "/my/files/01890000-0000-7000-8000-000000000001",
        ):
            answer = await browser.get(path)
            assert answer.headers["location"] == f"/sign-in?next={path}"


async def test_a_link_of_a_mail_leads_to_the_ticket(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    link = (await ticket_of(world, number)).link
    async with world.signed_in(ada) as browser:
        assert (await browser.look(f"/t/{link}")).url.path == f"/my/tickets/{number}"
        for wrong in ("0" * 33, "%00", "a%00b", "%F0%9F%94%94"):
            assert (await browser.look(f"/t/{wrong}")).status_code == 404
    async with world.signed_in(await world.person("Bob", role="agent")) as browser:
        assert (await browser.get(f"/t/{link}")).headers["location"] == f"/tickets/{number}"


async def test_a_blocked_requester_reads_but_writes_no_more(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
        async with world.desk.unit() as uow:
            await people.block(uow, await people.get(uow, ada.id))
        csrf = browser.forms()[0].fields["csrf"]
        for path in (f"/my/tickets/{number}/messages", "/my/tickets", "/my/uploads"):
            answer = await browser.post(path, data={"csrf": csrf, "body": "x", "subject": "x", "text": "x"})
            assert answer.status_code == 403
            assert "You cannot write here any more." in answer.text
        assert (await browser.get(f"/my/tickets/{number}")).status_code == 200


# --- files ------------------------------------------------------------------------------


async def test_files_are_served_to_their_readers_and_run_nowhere(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
        csrf = browser.forms()[0].fields["csrf"]
        headers = {"x-csrf-token": csrf, "x-fragment": "1"}
        ids = []
        for name, data in (("picture.png", PNG), ("fake.png", HTML), ("../../päge.html", HTML)):
            answer = await browser.post(
                "/my/uploads", files={"file": (name, data, "image/png")}, headers=headers
            )
            ids.append(answer.json()["id"])
        own = await browser.get(f"/my/files/{ids[0]}")
        assert own.content == PNG
        eve = await world.person("Eve", "eve@example.org")
        async with world.signed_in(eve) as other:
            assert (await other.get(f"/my/files/{ids[0]}")).status_code == 404
        form = {"csrf": csrf, "body": "files", "attachment": ids}
        await browser.post(f"/my/tickets/{number}/messages", data=form)
        picture, fake, page = [await browser.get(f"/my/files/{one}") for one in ids]
        assert picture.content == PNG
        assert picture.headers["content-type"] == "image/png"
        assert picture.headers["content-disposition"].startswith("inline")
        for answer in (fake, page):
            assert answer.content == HTML
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        async with world.signed_in(eve) as other:
            assert (await other.get(f"/my/files/{ids[0]}")).status_code == 404
            await other.look("/my/new")
            stolen = {"subject": "x", "text": "y", "attachment": ids[0]}
            await other.submit("/my/tickets", stolen)
            assert other.page.status_code == 422
    async with world.desk.unit() as uow:
        row = await uow.session.get(Attachment, ids[0])
        assert row is not None
        assert (await uow.session.scalars(select(Ticket).where(Ticket.requester_id == eve.id))).all() == []


async def test_a_deleted_messages_file_is_gone(world: World, ada: Person) -> None:
    number = await opened_by(world, ada)
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{number}")
        files = [("files", ("a.txt", b"words", "text/plain"))]
        await browser.submit(f"/my/tickets/{number}/messages", {"body": "see"}, files=files)
        async with world.desk.unit() as uow:
            row = (await uow.session.scalars(select(Attachment))).one()
        assert (await browser.get(f"/my/files/{row.id}")).content == b"words"
        await browser.submit(f"/my/tickets/{number}/messages/{row.message_id}/delete")
        assert (await browser.get(f"/my/files/{row.id}")).status_code == 404


async def test_merged_tickets_read_on_in_the_other(world: World, ada: Person) -> None:
    one, two = await opened_by(world, ada, "First lamp"), await opened_by(world, ada, "Second lamp")
    agent = await answered(world, two)
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, agent.id))
        await tickets.merge(uow, actor, one, two)
    async with world.desk.unit() as uow:
        first = (await uow.session.scalars(select(Message).order_by(Message.id))).first()
        assert first is not None
    async with world.signed_in(ada) as browser:
        await browser.look(f"/my/tickets/{one}")
        assert f'href="/my/tickets/{two}"' in browser.page.text
        await browser.look(f"/my/tickets/{two}")
        assert "First lamp" in browser.text
        await browser.look(f"/my/tickets/{two}/messages/{first.id}/edit")
        await browser.submit(f"/my/tickets/{two}/messages/{first.id}", {"text": "First lamp, changed"})
        assert "First lamp, changed" in browser.text
    async with world.desk.unit() as uow:
        actor = await people.actor_of(uow, await people.get(uow, ada.id))
        assert (await access.get(uow, actor, two)).ticket.messages >= 2


async def test_a_requester_does_not_fill_the_disk(world: World) -> None:
    ada = await world.person("Ada", "ada@example.org")
    world.site.facts["room"] = Budget(5, 3600)
    async with world.signed_in(ada) as browser:
        await browser.look("/my/new")
        token = browser.forms()[0].fields["csrf"]
        sent = {"data": {"csrf": token}, "files": {"file": ("big.bin", b"x" * (2 * 1_048_576 + 9))}}
        statuses = [(await browser.post("/my/uploads", **sent)).status_code for _n in range(3)]
        assert statuses == [200, 200, 429]
        assert (await browser.look("/my")).status_code == 200

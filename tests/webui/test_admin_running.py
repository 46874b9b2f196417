"""Deliveries, moderation, audit, health and metrics through the admin's pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from admin_world import World, said, world
from sqlalchemy import select, update

from bot import pulse as beats
from core import clock, inbox, metrics, pulse
from core.admin import audit
from core.admin.checkup import Line
from core.chat import Place, Said, Sender
from core.conversations import service as conversations
from core.conversations.model import Message
from core.db import EventRow
from core.desk import Desk
from core.metrics import Recent
from core.outbox_model import Delivery, Inbound, ScheduledJob
from core.people import service as people
from core.tickets import access
from core.tickets import service as tickets
from webui.app import make_app

PLACE = Place("webchat", "main", "visitor-9", "thread-9")


@pytest.fixture
async def here(desk: Desk) -> AsyncIterator[World]:
    async with world(desk) as made:
        yield made


def inbound(text: str, native: str = "m1") -> Said:
    sender = Sender(external="visitor-9", name="Mallory")
    return Said(place=PLACE, sender=sender, native=native, at=clock.now(), text=text)


async def held(here: World, text: str, native: str = "m1") -> Inbound:
    async with here.desk.unit() as uow:
        await inbox.note_done(uow, inbound(text, native))
        await inbox.hold(uow, inbound(text, native), "block_word")
    async with here.desk.unit() as uow:
        row = await inbox.find(uow.session, uow.keys, inbound(text, native))
        assert row is not None
        return row


async def test_dead_deliveries_are_sent_again_or_cancelled(here: World) -> None:
    async with here.desk.unit() as uow:
        one = Delivery(
            kind="mail", place_key=Place("mail", "main", "x").key, state="dead", error="gone", attempts=12
        )
        two = Delivery(kind="post", place_key=PLACE.key, state="dead", error="TimeoutError", attempts=12)
        uow.session.add_all([one, two])
    lead = here.browsers["lea"]
    page = said(await lead.get("/admin/deliveries"))
    assert "The place is gone" in page
    assert "did not answer in time" in page
    assert "did not answer in time" not in said(await lead.get("/admin/deliveries", platform="mail"))
    assert (await lead.post(f"/admin/deliveries/{one.id}/again")).headers["location"].endswith("done=queued")
    assert (await lead.post(f"/admin/deliveries/{one.id}/again")).headers["location"].endswith("done=nothing")
    assert (
        (await lead.post(f"/admin/deliveries/{two.id}/delete")).headers["location"].endswith("done=cancelled")
    )
    async with here.desk.unit() as uow:
        states = {row.id: row.state for row in await uow.session.scalars(select(Delivery))}
    assert states == {one.id: "due", two.id: "cancelled"}
    assert str(one.id) in (await lead.get("/admin/deliveries/due")).text


async def test_deliveries_are_paged_by_key(here: World) -> None:
    async with here.desk.unit() as uow:
        for n in range(53):
            at = clock.now() - timedelta(minutes=n)
            uow.session.add(Delivery(kind=f"kind{n}", place_key=PLACE.key, state="dead", created_at=at))
    first = await here.admin.get("/admin/deliveries")
    assert "kind0" in first.text
    assert "kind52" not in first.text
    older = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = await here.admin.get(older)
    assert "kind52" in second.text
    assert "kind0<" not in second.text
    assert (await here.admin.get("/admin/deliveries", after="nonsense")).status_code == 200


async def test_parked_inbound_is_tried_again_or_dropped(here: World) -> None:
    async with here.desk.unit() as uow:
        await inbox.keep(uow, inbound("Words that failed", "p1"), state="parked", error="KeyError")
        await inbox.keep(uow, inbound("More words", "p2"), state="parked", error="KeyError")
    page = await here.admin.get("/admin/deliveries/parked")
    assert "KeyError" in page.text
    assert "Words that failed" not in page.text
    async with here.desk.unit() as uow:
        rows = list(await uow.session.scalars(select(Inbound).order_by(Inbound.id)))
    await here.admin.post(f"/admin/deliveries/parked/{rows[0].id}/again")
    await here.admin.post(f"/admin/deliveries/parked/{rows[1].id}/delete")
    async with here.desk.unit() as uow:
        after = {
            row.id: (row.state, row.payload is None) for row in await uow.session.scalars(select(Inbound))
        }
    assert after == {rows[0].id: ("received", False), rows[1].id: ("done", True)}


async def test_the_quarantine_is_read_released_dropped_and_its_sender_blocked(here: World) -> None:
    first, second, third = [await held(here, f"Buy <b>pills</b> {n}", f"h{n}") for n in range(3)]
    lead = here.browsers["lea"]
    page = await lead.get("/admin/moderation")
    assert "Mallory" in page.text
    assert "&lt;b&gt;pills" in page.text
    assert "Holds a blocked word" in page.text
    await lead.post(f"/admin/moderation/{first.id}/release")
    await lead.post(f"/admin/moderation/{second.id}/delete")
    await lead.post(f"/admin/moderation/{third.id}/block")
    async with here.desk.unit() as uow:
        states = {row.id: row.state for row in await uow.session.scalars(select(Inbound))}
        digest = people.digest_of_identity(uow, "webchat", "main", "visitor-9")
        mallory = await people.by_identity(uow, digest)
    assert states == {first.id: "received", second.id: "done", third.id: "done"}
    assert mallory is not None
    assert mallory.blocked_at is not None
    assert (
        (await lead.post(f"/admin/moderation/{first.id}/delete")).headers["location"].endswith("done=nothing")
    )


async def test_several_held_messages_are_decided_at_once_and_counted(here: World) -> None:
    rows = [await held(here, f"Buy pills {n}", f"h{n}") for n in range(4)]
    lead = here.browsers["lea"]
    page = await lead.get("/admin/moderation")
    assert re.search(
        r'href="/admin/moderation"[^>]*>.{0,400}?class="count count--loud".{0,80}?>4<', page.text, re.S
    )
    assert "Messages wait in quarantine" in (await lead.get("/admin/health")).text
    ids = [str(row.id) for row in rows]
    await lead.post("/admin/moderation/several", held=ids[:2], verb="release")
    await lead.post("/admin/moderation/several", held=ids[1:], verb="discard")
    async with here.desk.unit() as uow:
        states = {row.id: row.state for row in await uow.session.scalars(select(Inbound))}
    assert [states[row.id] for row in rows] == ["received", "received", "done", "done"]
    assert 'class="count count--loud"' not in (await lead.get("/admin/moderation")).text


async def test_reported_messages_are_hidden_or_left(here: World) -> None:
    async with here.desk.unit() as uow:
        ada = await people.get(uow, here.ids["ada"])
        opened = await tickets.open_ticket(
            uow, await people.actor_of(uow, ada), ada, tickets.Request(text="Rude words")
        )
        await uow.session.flush()
        message = (await uow.session.scalars(select(Message))).one()
        await conversations.report(uow, opened.thread, message)
    lead = here.browsers["lea"]
    page = said(await lead.get("/admin/moderation/reported"))
    assert "Rude words" in page
    assert "Ada" in page
    await lead.post(f"/admin/moderation/reported/{message.id}/hide")
    async with here.desk.unit() as uow:
        hidden = await uow.session.get(Message, message.id)
        assert hidden is not None
        assert hidden.hidden_at is not None
        assert hidden.reported_at is None
        await conversations.report(uow, (await access.get(uow, uow.actor, opened.number)).thread, hidden)
    await lead.post(f"/admin/moderation/reported/{message.id}/delete")
    assert "No reports" in said(await lead.get("/admin/moderation/reported"))


async def test_the_audit_tells_who_did_what(here: World) -> None:
    await here.admin.post("/admin/teams", name="Billing", assign_mode="manual")
    await here.admin.post(f"/admin/people/{here.ids['ada']}/block")
    page = said(await here.admin.get("/admin/audit"))
    assert "made the team “Billing”" in page
    assert "blocked Ada" in page
    only = said(await here.admin.get("/admin/audit", kind="desk."))
    assert "Billing" in only
    assert "blocked Ada" not in only
    person = said(await here.admin.get("/admin/audit", person="ada@example.com"))
    assert "blocked Ada" in person
    assert "Billing" not in person
    tomorrow = (clock.now() + timedelta(days=2)).date().isoformat()
    assert "Nothing found" in said(await here.admin.get("/admin/audit", since=tomorrow))
    assert (await here.admin.get("/admin/audit", since="yesterday")).status_code == 422
    assert (await here.admin.get("/admin/audit", person="nobody@example.com")).status_code == 422
    assert (await here.admin.get("/admin/audit", kind="nonsense", after="nonsense")).status_code == 200


async def test_the_audit_is_paged_by_key(here: World) -> None:
    for n in range(60):
        await here.admin.post("/admin/tags", name=f"tag{n:02}")
    first = await here.admin.get("/admin/audit", kind="desk.")
    assert "tag59" in first.text
    assert "tag05" not in first.text
    older = first.text.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = await here.admin.get(older)
    assert "tag05" in second.text
    assert "tag59" not in second.text


async def test_a_broken_chain_of_seals_shows(here: World) -> None:
    await here.admin.post("/admin/tags", name="sealed")
    async with here.desk.unit() as uow:
        assert await audit.seal(uow) > 0
    assert "The chain is whole" in said(await here.admin.get("/admin/audit", verify="1"))
    async with here.desk.unit() as uow:
        await uow.session.execute(
            update(EventRow).where(EventRow.name == "desk.changed").values(actor_id=here.ids["bob"])
        )
    assert "The chain is broken" in said(await here.admin.get("/admin/audit", verify="1"))


async def test_health_tells_what_needs_attention(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "recent", Recent())  # not how slow the tests before were
    assert "All is well" in said(await here.browsers["lea"].get("/admin/health"))
    async with here.desk.unit() as uow:
        uow.session.add(Delivery(kind="mail", place_key=PLACE.key, state="dead"))
        uow.session.add(ScheduledJob(name="sweep", last_run_at=clock.now(), error="OSError"))
    now = await here.browsers["lea"].get("/admin/health/now")
    assert "<html" not in now.text
    words = said(now)
    assert "Deliveries were given up" in words
    assert "A job of the schedule failed" in words
    assert "OSError" in words


async def test_performance_adds_up_what_all_parts_tell(here: World) -> None:
    """Two webs and a gateway, of which one web has been killed; nothing of this process is looked at."""
    lea, now = here.browsers["lea"], clock.now()
    told = {
        "steps": {"request": {"10": 5}, "page": {"3": 1}},
        "counts": {"error": 1, "refused 403": 2, "sign_in wrong": 4},
        "pages": 7,
        "memory": 123 << 20,
        "pool": {"used": 3, "size": 20},
    }
    gateway = {
        "steps": {"inbound": {"12": 97, "24": 3}, "delivery slack": {"30": 2}},
        "counts": {"error": 1, "call slack RetryAfter": 9},
        "leads": ["gateway", "slack/T1", "telegram"],
    }
    gone = {"steps": {"request": {"40": 900}}, "counts": {"error": 90}}
    async with here.desk.db.sessions() as session:
        await pulse.beat(session, uuid4(), "web", now, told)
        await pulse.beat(session, uuid4(), "gateway", now, gateway)
        with clock.fixed(lambda: now - timedelta(minutes=5)):
            await pulse.beat(session, uuid4(), "web", now, gone)
        await session.commit()
    words = said(await lea.get("/admin/performance"))
    assert "From what came in to its commit 100 15 ms 15 ms 212 ms" in words
    assert "To Slack 2 808 ms 808 ms 808 ms" in words
    assert "Answers of the web 5 9.3 ms 9.3 ms 9.3 ms" in words
    assert "Answers with an error of ours 2" in words
    assert "Calls to Slack: RetryAfter 9" in words
    assert "Wrong passwords and codes 4" in words
    assert "Refused 2" in words
    assert "Silent" in words
    assert "Leads the desk, Slack T1, Telegram" in words
    part = await lea.get("/admin/performance/now")
    assert "<html" not in part.text
    assert (await here.browsers["bob"].get("/admin/performance")).status_code == 404


async def test_performance_counts_what_was_said_and_what_there_is_to_do(here: World) -> None:
    before = (await here.browsers["lea"].get("/admin/performance")).text
    assert "No part has told of itself yet." in before
    await pulse_of(here.desk, "all")
    words = said(await here.browsers["lea"].get("/admin/performance"))
    assert "All in one" in words
    assert "min ago" in words
    assert "Nobody has" in words


async def pulse_of(desk: Desk, name: str) -> None:
    """As the program does it: one beat, and then the end, which takes the row away."""
    beating = asyncio.create_task(beats.run(desk, name))

    async def seen() -> int:
        async with desk.db.sessions() as session:
            return len(await pulse.parts(session))

    async with asyncio.timeout(20):
        while not await seen():
            await asyncio.sleep(0.01)
    async with desk.db.sessions() as session:
        told = (await pulse.parts(session))[0].told
        await pulse.beat(session, uuid4(), name, clock.now(), told)
        await session.commit()
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert await seen() == 1


async def test_a_checkup_says_what_is_wrong_and_how_to_mend_it(here: World) -> None:
    async def found() -> list[Line]:
        return [
            Line("mail", "fail", "It refuses us.", "Mend the password."),
            Line("clock", "ok", "Fine.", "Nothing"),
        ]

    here.site.examine = found
    assert "Not looked at yet" in said(await here.admin.get("/admin/checkup"))
    words = said(await here.admin.post("/admin/checkup"))
    assert "Something does not work." in words
    assert "Mail Fails It refuses us. Mend the password. Clock Well Fine." in words
    assert (await here.browsers["lea"].post("/admin/checkup")).status_code == 404


async def test_metrics_are_for_this_machine_or_the_token(here: World) -> None:
    await here.admin.get(f"/admin/people/{here.ids['ada']}")
    app = make_app(here.site)

    async def ask(address: str, **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
            return await client.get(
                "/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()}
            )

    assert (await ask("203.0.113.9")).status_code == 404
    assert (await ask("127.0.0.1", x_forwarded_for="203.0.113.9")).status_code == 404
    assert (await ask("127.0.0.1", host="rebound.example:8080")).status_code == 404
    assert (await ask("127.0.0.1", host="[::1]:8080")).status_code == 200
    assert (await ask("203.0.113.9", authorization="Bearer ")).status_code == 404
    here.site.facts["metrics_token"] = "let-me-in"
    assert (await ask("203.0.113.9", authorization="Bearer wrong")).status_code == 404
    assert (await ask("203.0.113.9", authorization="Bearer let-me-in")).status_code == 200
    text = (await ask("::1")).text
    assert 'deskbell_http_requests_total{method="GET",route="/admin/people/{person_id}",status="200"}' in text
    assert 'deskbell_deliveries{state="due"}' in text
    assert 'deskbell_database_pool{state="used"}' in text
    assert str(here.ids["ada"]) not in text
    assert "example.com" not in text


async def test_addresses_do_not_become_labels(here: World) -> None:
    await here.admin.get("/no/such/page/secret-word")
    await here.admin.get("/chat/webchat/secret-word")
    transport = httpx.ASGITransport(app=make_app(here.site), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 200
        assert "secret-word" not in answer.text


def test_percentiles_of_the_last_minutes() -> None:
    recent = Recent()
    for n in range(100):
        recent.add(n / 1000, at=1000.0)
    recent.add(99.0, at=100.0)
    assert recent.percentiles(0.5, 0.95, at=1001.0) == (100, [0.05, 0.095])
    assert recent.percentiles(0.5, at=5000.0) == (0, [None])

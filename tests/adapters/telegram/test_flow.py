"""With the real router behind it: a ticket from a private chat, answered, edited, and never twice."""

from __future__ import annotations

import asyncio

from sqlalchemy import func, select

from bot.post import Posting
from bot.router import Router
from bot.tell import Tell
from core.access import SYSTEM
from core.conversations.model import Message
from core.desk import Desk
from core.tickets import service as tickets
from core.tickets.model import Ticket
from playground.telegram import Attachment
from tests.adapters.telegram.conftest import eventually, listening, running
from tests.adapters.telegram.standin import Standin


class Pump:
    """Tells and posts what is due, as the desk's loops do."""

    def __init__(self, desk: Desk, standin: Standin) -> None:
        self.desk = desk
        chats = {"telegram": standin.adapter}
        self.tell = Tell(desk, (), chats)
        self.posting = Posting(desk, chats)

    async def all(self) -> None:
        while await self.tell.read() + await self.posting.send_due():
            continue


async def count(desk: Desk, model: type) -> int:
    async with desk.db.sessions() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def test_a_ticket_from_telegram_and_its_answer(standin: Standin, desk: Desk) -> None:
    people, world = standin.server.people, standin.world
    router, pump = Router(desk), Pump(desk, standin)
    async with running(standin.adapter, router.deliver):
        await listening(standin)
        said = people.say(world.requester, world.private, "My **printer** burns", typed=True)
        await eventually(lambda: not len(world.bot.queue))
        assert await count(desk, Ticket) == 1
        world.bot.queue.add("message", {"message_id": said.id, "date": said.date, "text": "My printer burns",
                                        "from": world.requester.api(), "chat": world.private.api()})  # fmt: skip
        people.say(
            world.requester, world.private, "see", file=Attachment("document", b"x" * 1_000, "log.txt")
        )
        people.edit(world.requester, said, "My printer burns, really")
        await eventually(lambda: not len(world.bot.queue))
        assert await count(desk, Message) >= 2
        async with desk.unit() as uow:
            number = await uow.session.scalar(select(Ticket.number))
            assert number is not None
            await tickets.reply(uow, SYSTEM, number, "Use *water*", via="web", hold=0)
        await pump.all()
        assert [one["html"] for one in standin.messages(standin.place)][-1].endswith("Use <i>water</i>")
    assert await count(desk, Ticket) == 1


async def test_the_same_fact_live_and_again_is_one_message(standin: Standin, desk: Desk) -> None:
    standin.server.faults.updates.duplicate = 1.0
    standin.server.faults.updates.duplicate_new_id = True
    router = Router(desk)
    async with running(standin.adapter, router.deliver):
        standin.server.people.say(standin.world.requester, standin.world.private, "once")
        await eventually(lambda: standin.server.calls and standin.adapter.lines._open)
        async with asyncio.timeout(20):
            while await count(desk, Ticket) == 0:
                await standin.server.world.bell.wait(0.05)
        standin.server.faults.updates.duplicate = 0.0
        await eventually(lambda: not len(standin.world.bot.queue))
    async with desk.db.sessions() as session:
        kinds = select(func.count()).select_from(Message).where(Message.kind == "chat")
        assert await session.scalar(kinds) == 1
    assert await count(desk, Ticket) == 1


async def test_two_people_of_one_group_have_two_tickets(standin: Standin, desk: Desk) -> None:
    people, world = standin.server.people, standin.world
    group = people.create_group(world.agent, "G", world.bot, world.requester)
    router, pump = Router(desk), Pump(desk, standin)
    async with running(standin.adapter, router.deliver):
        first = people.say(world.agent, group, "@help_desk_bot no mail")
        people.say(world.requester, group, "@help_desk_bot no paper")
        people.say(world.requester, group, "just chatting")
        await eventually(lambda: not len(world.bot.queue))
        assert await count(desk, Ticket) == 2
        async with desk.unit() as uow:
            number = await uow.session.scalar(select(func.min(Ticket.number)))
            assert number is not None
            await tickets.reply(uow, SYSTEM, number, "Try again", via="web", hold=0)
        await pump.all()
        answer = list(group.messages.values())[-1]
        assert answer.reply_to is first
        people.say(world.agent, group, "works, thanks", reply_to=answer)
        await eventually(lambda: not len(world.bot.queue))
    assert await count(desk, Ticket) == 2


async def test_a_group_keeps_its_ticket_when_it_becomes_a_supergroup(standin: Standin, desk: Desk) -> None:
    people, world = standin.server.people, standin.world
    group = people.create_group(world.agent, "G", world.bot, kind="group")
    router, pump = Router(desk), Pump(desk, standin)
    async with running(standin.adapter, router.deliver):
        people.say(world.agent, group, "@help_desk_bot no mail")
        await eventually(lambda: not len(world.bot.queue))
        new = people.migrate(world.agent, group)
        async with desk.unit() as uow:
            number = await uow.session.scalar(select(Ticket.number))
            assert number is not None
            await tickets.reply(uow, SYSTEM, number, "Try again", via="web", hold=0)
        await pump.all()
        answer = list(new.messages.values())[-1]
        assert "Try again" in answer.text
        people.say(world.agent, new, "works", reply_to=answer)
        await eventually(lambda: not len(world.bot.queue))
    assert await count(desk, Ticket) == 1


async def test_forty_thousand_characters_arrive_whole_and_in_order(standin: Standin, desk: Desk) -> None:
    router, pump = Router(desk), Pump(desk, standin)
    words = " ".join(f"word{number}" for number in range(4_500))
    async with running(standin.adapter, router.deliver):
        await standin.says("long, please")
        await eventually(lambda: not len(standin.world.bot.queue))
    async with desk.unit() as uow:
        number = await uow.session.scalar(select(Ticket.number))
        assert number is not None
        await tickets.reply(uow, SYSTEM, number, words[:40_000], via="web", hold=0)
    await pump.all()
    parts = (await standin.shows(standin.place))[-11:]
    assert "".join("".join(parts).split()) == "".join(words[:40_000].split())


async def test_in_general_each_requester_has_a_ticket_of_their_own(standin: Standin, desk: Desk) -> None:
    """Two people ask in a forum's General: each is answered in their own chain, and what they write back
    goes there, though Telegram does not say the chain of what answers in General."""
    people, world = standin.server.people, standin.world
    router, pump = Router(desk), Pump(desk, standin)
    ben = standin.server.world.add_user("Ben")
    forum = people.create_group(world.agent, "Neighbours", world.requester, ben, forum=True)
    people.add(world.agent, forum, world.bot, admin=True)
    async with running(standin.adapter, router.deliver):
        asked = {
            who: people.say(who, forum, f"@help_desk_bot {words}", typed=True)
            for who, words in ((world.requester, "The lift"), (ben, "The bell"))
        }
        people.say(ben, forum, "Nice weather")
        await eventually(lambda: not len(world.bot.queue))
        assert await count(desk, Ticket) == 2
        for number, words in ((1, "Which floor?"), (2, "Front door?")):
            async with desk.unit() as uow:
                await tickets.reply(uow, SYSTEM, number, words, via="web", hold=0)
        await pump.all()
        answers = {one["reply_to"]: one for one in standin.server.shows(forum) if one["reply_to"]}
        assert {said.id for said in asked.values()} == answers.keys()
        for who, words in ((world.requester, "The third"), (ben, "The back door")):
            people.say(who, forum, words, reply_to=answers[asked[who].id]["id"])
            await eventually(lambda: not len(world.bot.queue))
            (await standin.adapter.lines.of(standin.place)).chains.clear()  # As after a restart.
        people.say(ben, forum, "/close@help_desk_bot", reply_to=asked[ben].id, typed=True)
        await eventually(lambda: not len(world.bot.queue))
    async with desk.db.sessions() as session:
        rows = (
            await session.execute(
                select(Ticket.number, Ticket.messages, Ticket.status).order_by(Ticket.number)
            )
        ).all()
    assert [tuple(row) for row in rows] == [(1, 3, "open"), (2, 3, "closed")]

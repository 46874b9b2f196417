"""Commands, buttons, shortcuts, forms and homes over Socket Mode."""

from __future__ import annotations

from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from playground.slack import Seeded, SlackServer
from playground.slack.errors import PlayError
from tests.playground.slack.conftest import Connect


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def asks(block: str, label: str, kind: str = "plain_text_input", **more: Any) -> dict[str, Any]:
    element = {"type": kind, "action_id": block, **more}
    return {"type": "input", "block_id": block, "label": plain(label), "element": element}


def form(title: str = "New ticket", **more: Any) -> dict[str, Any]:
    options = [{"text": plain(name.title()), "value": name} for name in ("low", "high")]
    blocks = [asks("subject", "Subject"), asks("priority", "Priority", "static_select", options=options)]
    return {
        "type": "modal",
        "callback_id": "ticket",
        "title": plain(title),
        "submit": plain("Send"),
        "private_metadata": "m",
        "blocks": blocks,
        **more,
    }


async def test_a_command_opens_a_form_that_is_sent(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    sent: list[dict[str, Any]] = []

    @app.command("/desk")
    async def command(ack: Any, body: dict[str, Any], client: Any) -> None:
        await client.views_open(trigger_id=body["trigger_id"], view=form())
        await ack()

    @app.view("ticket")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        sent.append(view)
        subject = view["state"]["values"]["subject"]["subject"]["value"]
        if subject == "bad":
            await ack(response_action="errors", errors={"subject": "Say more"})
        else:
            await ack(response_action="update", view=form("Thank you"))

    await connect(app)
    assert (await slack.play.command(world.ada, "general", "/desk new"))["ok"]
    (view,) = (await slack.play.views(world.ada))["views"]
    assert view["title"]["text"] == "New ticket"
    unfilled = await slack.play.submit(world.ada, {"subject": "x"})
    assert unfilled["errors"] == {"priority": "Please fill in this field."}
    refused = await slack.play.submit(world.ada, {"subject": "bad", "priority": "high"})
    assert refused["errors"] == {"subject": "Say more"}
    done = await slack.play.submit(world.ada, {"subject": "good", "priority": "high"})
    assert done["response_action"] == "update"
    priority = sent[-1]["state"]["values"]["priority"]["priority"]
    assert priority["selected_option"]["value"] == "high"
    (view,) = (await slack.play.views(world.ada))["views"]
    assert view["title"]["text"] == "Thank you"


async def test_forms_on_forms(app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded) -> None:
    closed: list[str] = []

    @app.shortcut("get_help")
    async def shortcut(ack: Any, body: dict[str, Any], client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form(notify_on_close=True))

    @app.view("ticket")
    async def submitted(ack: Any) -> None:
        await ack(response_action="push", view=form("Another"))

    @app.view_closed("ticket")
    async def gone(ack: Any, body: dict[str, Any]) -> None:
        closed.append(body["view"]["id"])
        await ack()

    await connect(app)
    assert (await slack.play.global_shortcut(world.ada, "get_help"))["ok"]
    filled = {"subject": "s", "priority": "low"}
    assert (await slack.play.submit(world.ada, filled))["response_action"] == "push"
    first, second = (await slack.play.views(world.ada))["views"]
    assert (second["root_view_id"], second["previous_view_id"]) == (first["id"], first["id"])
    assert (await slack.play.submit(world.ada, filled))["ok"]
    assert (await slack.play.submit(world.ada, filled))["error"] == "push_limit_reached"
    await slack.play.close_view(world.ada)
    await slack.play.close_view(world.ada)
    assert (await slack.play.close_view(world.ada))["ok"]
    assert closed == [first["id"]]


async def test_a_trigger_works_once_and_soon(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    @app.shortcut("get_help")
    async def shortcut(ack: Any) -> None:
        await ack()

    await connect(app)
    trigger = (await slack.play.global_shortcut(world.ada, "get_help"))["trigger_id"]
    opened = await app.client.views_open(trigger_id=trigger, view=form(external_id="one"))
    slack.set_knob("trigger_seconds", 0)
    late = (await slack.play.global_shortcut(world.ada, "get_help"))["trigger_id"]
    for key, error in ((trigger, "exchanged_trigger_id"), (late, "expired_trigger_id")):
        with pytest.raises(SlackApiError) as caught:
            await app.client.views_open(trigger_id=key, view=form())
        assert caught.value.response["error"] == error
    with pytest.raises(SlackApiError) as caught:
        await app.client.views_update(external_id="one", view=form(), hash="old")
    assert caught.value.response["error"] == "hash_conflict"
    updated = await app.client.views_update(
        view_id=opened["view"]["id"], view=form("Changed"), hash=opened["view"]["hash"]
    )
    assert updated["view"]["title"]["text"] == "Changed"


async def test_home_and_its_buttons(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    pressed: list[dict[str, Any]] = []
    button = {"type": "button", "text": plain("Help"), "action_id": "help", "value": "1"}

    @app.event("app_home_opened")
    async def opened(event: dict[str, Any], client: Any) -> None:
        blocks = [{"type": "actions", "elements": [button]}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    @app.action("help")
    async def action(ack: Any, body: dict[str, Any]) -> None:
        pressed.append(body)
        await ack()

    await connect(app)
    await slack.play.open_home(world.ada)
    assert await slack.delivery.settled()
    home = (await slack.play.home(world.ada))["view"]
    assert home["type"] == "home"
    assert (await slack.play.click(world.ada, "help", view_id="home"))["ok"]
    assert pressed[0]["view"]["id"] == home["id"]
    assert pressed[0]["container"] == {"type": "view", "view_id": home["id"]}


async def test_answers_through_the_response_url(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    urls: list[str] = []

    @app.command("/desk")
    async def command(ack: Any, respond: Any) -> None:
        await ack()
        await respond("only you")
        await respond("all of you", response_type="in_channel")

    @app.action("take")
    async def take(ack: Any, respond: Any, body: dict[str, Any]) -> None:
        urls.append(body["response_url"])
        await ack()
        await respond("taken", replace_original=True)

    await connect(app)
    await slack.play.command(world.ben, "desk", "/desk list")
    public = (await slack.play.wait(world.desk, "all of you"))["message"]
    assert public["user"] == world.bot
    assert (await slack.play.ephemerals(world.ben))["ephemerals"][0]["text"] == "only you"
    button = {"type": "button", "text": plain("Take"), "action_id": "take"}
    posted = await app.client.chat_postMessage(
        channel=world.desk, text="t", blocks=[{"type": "actions", "elements": [button]}]
    )
    await slack.play.click(world.ben, "take", world.desk, posted["ts"])
    assert (await slack.play.wait(world.desk, "taken"))["message"]["ts"] == posted["ts"]
    for _ in range(4):
        slack.hooks.use(urls[0].rpartition("/")[2], {"text": "again"})
    with pytest.raises(Exception, match="used_url"):
        slack.hooks.use(urls[0].rpartition("/")[2], {"text": "too often"})


async def test_a_message_shortcut_carries_the_message(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    taken: list[dict[str, Any]] = []

    @app.shortcut("make_ticket")
    async def shortcut(ack: Any, body: dict[str, Any]) -> None:
        taken.append(body)
        await ack()

    await connect(app)
    said = await slack.play.say(world.ada, "general", "it is broken")
    assert (await slack.play.message_shortcut(world.ben, "general", said["ts"], "make_ticket"))["ok"]
    assert taken[0]["message"]["text"] == "it is broken"
    assert (taken[0]["channel"]["id"], taken[0]["message_ts"]) == (world.general, said["ts"])


async def test_options_are_asked_for(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    @app.options("who")
    async def options(ack: Any, body: dict[str, Any]) -> None:
        await ack(options=[{"text": plain(body["value"]), "value": "v"}])

    await connect(app)
    select = {"type": "external_select", "action_id": "who", "min_query_length": 0}
    posted = await app.client.chat_postMessage(
        channel=world.desk, text="t", blocks=[{"type": "actions", "elements": [select]}]
    )
    found = await slack.play.suggest(world.ben, "who", "be", channel=world.desk, ts=posted["ts"])
    assert found["options"][0]["text"]["text"] == "be"


async def test_what_a_person_cannot_do(slack: SlackServer, world: Seeded) -> None:
    said = await slack.play.say(world.ada, "general", "mine")
    threaded = await slack.play.command(world.ada, "general", "/desk list", thread=said["ts"])
    assert not threaded["ok"]
    assert (await slack.play.command(world.ada, "general", "/unknown"))["error"].endswith("valid command")
    for wrong in (
        slack.play.edit(world.ben, "general", said["ts"], "yours"),
        slack.play.say(world.ada, "desk", "let me in"),
        slack.play.click(world.ada, "nothing", "general", said["ts"]),
        slack.play.submit(world.ada),
    ):
        with pytest.raises(PlayError):
            await wrong


async def test_views_have_limits(app: AsyncApp, world: Seeded) -> None:
    for wrong in (
        form("A title that is much too long for it"),
        form(blocks=[{"type": "divider"}] * 101),
        form(private_metadata="x" * 3001),
    ):
        with pytest.raises(SlackApiError) as caught:
            await app.client.views_publish(user_id=world.ada, view={**wrong, "type": "home"})
        assert caught.value.response["error"] == "invalid_arguments"

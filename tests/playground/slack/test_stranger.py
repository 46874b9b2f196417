"""It shares no code with the desk, speaks Slack's shapes, and runs by itself."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp

import playground.slack
from playground.slack import Seeded, SlackServer
from playground.slack.richtext import rich, typed
from tests.playground.slack.conftest import CONTRACT, Connect
from tests.playground.slack.test_forms import asks, form

HERE = Path(playground.slack.__file__).parent
SDKS = {"slack_sdk", "slack_bolt"}


def test_it_imports_nothing_of_ours_and_no_sdk() -> None:
    for file in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            roots = {name.split(".")[0] for name in names}
            assert not roots & ({"core", "adapters", "bot", "webui", "migrations"} | SDKS), file


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for file in (HERE / "static").iterdir():
        assert "//" not in file.read_text("utf-8").replace("// ", "").replace("http://", "").split("\n")[0]
        assert "https://" not in file.read_text("utf-8")


async def test_it_runs_by_itself() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "playground.slack", "--json"),
        cwd=HERE.parents[1],
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        facts = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        headers = {"Authorization": f"Bearer {facts['bot_token']}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(facts["api"] + "auth.test") as answer:
                assert (await answer.json())["team_id"] == facts["team"]
            async with session.get(facts["page"]) as answer:
                assert "Team chat" in await answer.text()
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_another_site_may_not_play(slack: SlackServer) -> None:
    async with aiohttp.ClientSession(slack.base) as session:
        for origin, status in (("https://elsewhere.example", 403), (slack.base, 200)):
            async with session.post("/_play/state", json={}, headers={"Origin": origin}) as answer:
                assert answer.status == status


# --- what is typed


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("see https://example.com/a?b=1&c=2.", "see <https://example.com/a?b=1&amp;c=2>."),
        ("`<@x>`", "`&lt;@x&gt;`"),
        ("```<b>```", "```&lt;b&gt;```"),
        ("mail a@b.example", "mail <mailto:a@b.example|a@b.example>"),
        ("@nobody-here", "@nobody-here"),
        ("@channel", "<!channel>"),
    ],
)
async def test_typed_text(slack: SlackServer, world: Seeded, said: str, text: str) -> None:
    assert typed(slack.world, world.team, said) == text


async def test_typed_names(slack: SlackServer, world: Seeded) -> None:
    said = typed(slack.world, world.team, "@ben in #desk")
    assert said == f"<@{world.ben}> in <#{world.desk}|desk>"
    (block,) = rich(said)
    kinds = [element["type"] for element in block["elements"][0]["elements"]]
    assert kinds == ["user", "text", "channel"]


def test_rich_text_of_every_kind() -> None:
    (block,) = rich("*b _i_* ~s~ :eyes:\n&gt; quoted\n• one\n    • two\n1. first\n```x &lt; y```")
    kinds = [(one["type"], one.get("style"), one.get("indent")) for one in block["elements"]]
    assert kinds == [
        ("rich_text_section", None, None),
        ("rich_text_quote", None, None),
        ("rich_text_list", "bullet", 0),
        ("rich_text_list", "bullet", 1),
        ("rich_text_list", "ordered", 0),
        ("rich_text_preformatted", None, None),
    ]
    first = block["elements"][0]["elements"]
    assert first[1] == {"type": "text", "text": "i", "style": {"bold": True, "italic": True}}
    assert block["elements"][-1]["elements"][0]["text"] == "x < y"


# --- shapes


def unknown_names(seen: Any, shape: Any) -> set[str]:
    """Names on the first level that the published shape does not have."""
    return set(seen) - set(shape)


def shape_of(folder: str, name: str) -> dict[str, Any]:
    file = CONTRACT / folder / f"{name}.json"
    if not file.is_file():
        pytest.skip("the platforms' documents are not beside this checkout")
    return json.loads(file.read_text("utf-8"))


async def test_events_have_the_published_shapes(
    app: AsyncApp, connect: Connect, heard: list[dict[str, Any]], slack: SlackServer, world: Seeded
) -> None:
    await connect(app)
    said = await slack.play.say(
        world.ada, "general", "@deskbell hello", files=[{"name": "a.txt", "text": "x"}]
    )
    await slack.play.edit(world.ada, "general", said["ts"], "changed")
    await slack.play.react(world.ben, "general", said["ts"], "eyes")
    await slack.play.unreact(world.ben, "general", said["ts"], "eyes")
    await slack.play.open_home(world.ada)
    await slack.play.join(world.ada, "desk")
    assert await slack.delivery.settled()
    names = {
        "app_mention": "AppMentionPayload",
        "message_changed": "MessageChangedPayload",
        "reaction_removed": "ReactionRemovedPayload",
        "app_home_opened": "AppHomeOpenedPayload",
        "member_joined_channel": "MemberJoinedChannelPayload",
        "file_shared": "FileSharedPayload",
    }
    newer = {"context_team_id", "context_enterprise_id", "channel_type", "files"}
    kinds = {body["event"].get("subtype", body["event"]["type"]): body for body in heard}
    assert names.keys() <= kinds.keys()
    for kind, name in names.items():
        shape = shape_of("events", name)
        assert not unknown_names(kinds[kind], shape) - newer, kind
        assert (
            not unknown_names(kinds[kind]["event"], shape["event"]) - newer - {"upload", "display_as_bot"}
        ), kind


async def test_presses_have_the_published_shapes(
    app: AsyncApp, connect: Connect, slack: SlackServer, world: Seeded
) -> None:
    bodies: dict[str, dict[str, Any]] = {}

    async def keep(ack: Any, body: dict[str, Any]) -> None:
        bodies[body.get("type", "command")] = body
        await ack()

    app.command("/desk")(keep)
    app.action("go")(keep)
    app.shortcut("make_ticket")(keep)
    app.view("ticket")(keep)
    app.view_closed("ticket")(keep)
    await connect(app)
    said = await slack.play.say(world.ada, "general", "it is broken")
    pressed = await slack.play.message_shortcut(world.ada, "general", said["ts"], "make_ticket")
    file = {"name": "a.txt", "text": "inside"}
    asking = form(blocks=[asks("file", "File", "file_input")], notify_on_close=True)
    await app.client.views_open(trigger_id=pressed["trigger_id"], view=asking)
    assert (await slack.play.submit(world.ada, {"file": [file]}))["ok"]
    pressed = await slack.play.command(world.ada, "general", "/desk new")
    await app.client.views_open(trigger_id=pressed["trigger_id"], view=asking)
    await slack.play.close_view(world.ada)
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go"}
    blocks = [{"type": "actions", "elements": [button]}]
    posted = await app.client.chat_postMessage(channel=world.general, text="x", blocks=blocks)
    assert (await slack.play.click(world.ada, "go", "general", posted["ts"]))["ok"]
    sent = bodies["view_submission"]["view"]["state"]["values"]["file"]["file"]["files"]
    assert sent[0]["name"] == "a.txt"
    newer = {"is_cleared", "response_urls", "state", "action_ts"}
    for kind, name in (
        ("command", "slash-commands__SlashCommandPayload"),
        ("block_actions", "interactive-components__BlockActionPayload"),
        ("message_action", "interactive-components__MessageShortcutPayload"),
        ("view_submission", "views__ViewSubmissionPayload"),
        ("view_closed", "views__ViewClosedPayload"),
    ):
        assert not unknown_names(bodies[kind], shape_of("interactive", name)) - newer, kind


async def test_answers_have_the_published_shapes(slack: SlackServer, world: Seeded, client: Any) -> None:
    answers = {
        "auth.test": await client.auth_test(),
        "team.info": await client.team_info(),
        "bots.info": await client.bots_info(),
        "users.info": await client.users_info(user=world.ada),
        "users.list": await client.users_list(),
        "users.profile.get": await client.users_profile_get(user=world.ada),
        "conversations.info": await client.conversations_info(channel=world.desk),
        "conversations.list": await client.conversations_list(),
        "conversations.members": await client.conversations_members(channel=world.desk),
    }
    for method, answer in answers.items():
        assert not unknown_names(answer.data, shape_of("api", method)), method

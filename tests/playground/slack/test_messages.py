"""What the app posts, changes, takes back and looks up, by the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Seeded, SlackServer


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_who_am_i(client: AsyncWebClient, world: Seeded) -> None:
    me = await client.auth_test()
    assert (me["team_id"], me["user_id"]) == (world.team, world.bot)
    bot = (await client.bots_info(bot=me["bot_id"]))["bot"]
    assert bot["user_id"] == world.bot
    assert (await client.team_info())["team"]["name"] == "Northwind"


async def test_post_change_and_take_back(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    posted = await client.chat_postMessage(channel=world.desk, text="Hello *there*")
    assert posted["message"]["bot_id"]
    assert posted["message"]["blocks"][0]["elements"][0]["elements"][1]["style"] == {"bold": True}
    changed = await client.chat_update(channel=world.desk, ts=posted["ts"], text="Bye")
    assert changed["message"]["edited"]["user"] == world.bot
    (shown,) = (await slack.play.channel(world.desk))["messages"]
    assert shown["text"] == "Bye"
    await client.chat_delete(channel=world.desk, ts=posted["ts"])
    assert (await slack.play.channel(world.desk))["messages"] == []
    assert await error_of(client.chat_delete(channel=world.desk, ts=posted["ts"])) == "message_not_found"


async def test_metadata_is_found_again(client: AsyncWebClient, world: Seeded) -> None:
    note = {"event_type": "delivery", "event_payload": {"id": "d1"}}
    parent = await client.chat_postMessage(channel=world.desk, text="a", metadata=note)
    reply = await client.chat_postMessage(
        channel=world.desk, text="b", thread_ts=parent["ts"], metadata={**note, "event_payload": {"id": "d2"}}
    )
    plain = await client.conversations_history(channel=world.desk)
    assert "metadata" not in plain["messages"][0]
    full = await client.conversations_history(channel=world.desk, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == note
    thread = await client.conversations_replies(
        channel=world.desk, ts=parent["ts"], include_all_metadata=True
    )
    assert [one["metadata"]["event_payload"]["id"] for one in thread["messages"]] == ["d1", "d2"]
    assert thread["messages"][0]["latest_reply"] == reply["ts"]
    bad = client.chat_postMessage(channel=world.desk, text="c", metadata={"event_type": "x"})
    assert await error_of(bad) == "invalid_metadata_format"


async def test_another_name_is_a_bot_message(client: AsyncWebClient, world: Seeded) -> None:
    posted = await client.chat_postMessage(
        channel=world.desk, text="I am Ben", username="Ben", icon_url="https://example.com/ben.png"
    )
    assert posted["message"]["subtype"] == "bot_message"
    assert posted["message"]["username"] == "Ben"
    assert "user" not in posted["message"]


async def test_history_in_pages(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    for number in range(7):
        await slack.play.say(world.ada, "general", f"m{number}")
    texts: list[str] = []
    async for page in await client.conversations_history(channel=world.general, limit=3):
        texts += [message["text"] for message in page["messages"]]
    assert texts == [f"m{number}" for number in reversed(range(7))]
    first = (await slack.play.channel(world.general))["messages"][0]
    later = await client.conversations_history(channel=world.general, oldest=first["ts"])
    assert len(later["messages"]) == 6
    with_edge = await client.conversations_history(channel=world.general, oldest=first["ts"], inclusive=True)
    assert len(with_edge["messages"]) == 7


async def test_replies_in_pages_hold_the_parent_each_time(client: AsyncWebClient, world: Seeded) -> None:
    parent = (await client.chat_postMessage(channel=world.desk, text="parent"))["ts"]
    for number in range(5):
        await client.chat_postMessage(channel=world.desk, text=f"r{number}", thread_ts=parent)
    pages: list[list[str]] = []
    async for page in await client.conversations_replies(channel=world.desk, ts=parent, limit=2):
        pages.append([message["text"] for message in page["messages"]])
    assert pages == [["parent", "r0", "r1"], ["parent", "r2", "r3"], ["parent", "r4"]]


async def test_a_parent_that_goes_leaves_a_stone(client: AsyncWebClient, world: Seeded) -> None:
    parent = (await client.chat_postMessage(channel=world.desk, text="parent"))["ts"]
    await client.chat_postMessage(channel=world.desk, text="reply", thread_ts=parent)
    await client.chat_delete(channel=world.desk, ts=parent)
    thread = (await client.conversations_replies(channel=world.desk, ts=parent))["messages"]
    assert [one.get("subtype") for one in thread] == ["tombstone", None]


async def test_a_thread_that_is_gone_leaves_the_message_in_the_channel(
    client: AsyncWebClient, world: Seeded
) -> None:
    posted = await client.chat_postMessage(channel=world.desk, text="x", thread_ts="1700000000.000001")
    assert "thread_ts" not in posted["message"]
    lost = client.conversations_replies(channel=world.desk, ts="1700000000.000001")
    assert await error_of(lost) == "thread_not_found"


async def test_limits_have_names(client: AsyncWebClient, world: Seeded) -> None:
    def post(**more: Any) -> Any:
        return client.chat_postMessage(channel=world.desk, **more)

    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    assert await error_of(post(text="x" * 40_001)) == "msg_too_long"
    nothing = client.api_call("chat.postMessage", json={"channel": world.desk})
    assert await error_of(nothing) == "no_text"
    assert await error_of(post(text="x", blocks=[section] * 51)) == "invalid_blocks"
    assert await error_of(post(text="x", blocks=[long])) == "invalid_blocks"
    assert await error_of(post(text="x", blocks=[{"type": "nonsense"}])) == "invalid_blocks"
    assert (await post(text="x", blocks=[section] * 50))["ok"]
    button = {"type": "button", "text": {"type": "plain_text", "text": "y" * 76}, "action_id": "a"}
    assert (
        await error_of(post(text="x", blocks=[{"type": "actions", "elements": [button]}])) == "invalid_blocks"
    )


async def test_errors_have_names(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    say = client.chat_postMessage
    assert await error_of(say(channel="C404", text="x")) == "channel_not_found"
    made = await slack.play.add_channel("elsewhere", world.ada)
    assert await error_of(say(channel=made["channel"]["id"], text="x")) == "not_in_channel"
    secret = await slack.play.add_channel("secret", world.ada, private=True)
    assert await error_of(say(channel=secret["channel"]["id"], text="x")) == "channel_not_found"
    await slack.play.archive(world.ada, "general")
    assert await error_of(say(channel=world.general, text="x")) == "is_archived"
    stranger = AsyncWebClient(token="xoxb-nobody", base_url=slack.api_url, retry_handlers=[])
    assert await error_of(stranger.auth_test()) == "invalid_auth"
    said = await slack.play.say(world.ada, "bot", "mine")
    changing = client.chat_update(channel=said["channel"], ts=said["ts"], text="y")
    assert await error_of(changing) == "cant_update_message"
    await slack.play.revoke_tokens(world.team)
    assert await error_of(client.auth_test()) == "token_revoked"


async def test_direct_messages_and_their_threads(
    client: AsyncWebClient, slack: SlackServer, world: Seeded
) -> None:
    place = (await client.conversations_open(users=world.ada))["channel"]["id"]
    assert place.startswith("D")
    posted = await client.chat_postMessage(channel=world.ada, text="hello")
    assert posted["channel"] == place
    answer = await slack.play.say(world.ada, "bot", "thanks", thread=posted["ts"])
    assert answer["thread_ts"] == posted["ts"]
    info = (await client.conversations_info(channel=place))["channel"]
    assert (info["is_im"], info["user"]) == (True, world.ada)


async def test_a_shared_channel_is_told_apart(
    client: AsyncWebClient, slack: SlackServer, world: Seeded
) -> None:
    info = (await client.conversations_info(channel=world.shared))["channel"]
    assert info["is_ext_shared"] is True
    said = await slack.play.say(world.dan, world.shared, "from next door")
    assert said["user_team"] == world.other_team
    dan = (await client.users_info(user=world.dan))["user"]
    assert (dan["team_id"], dan["is_stranger"]) == (world.other_team, True)
    assert await error_of(client.users_info(user="U404")) == "user_not_found"
    named = await slack.play.say(world.dan, world.shared, "@ben and @deskbell, please")
    assert named["text"] == f"<@{world.ben}> and <@{world.bot}>, please"


async def test_several_workspaces(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    second = await slack.play.add_workspace("Fabrikam")
    there = AsyncWebClient(token=second["token"], base_url=slack.api_url, retry_handlers=[])
    assert (await there.auth_test())["team_id"] == second["team"]
    assert await error_of(there.chat_postMessage(channel=world.desk, text="x")) == "channel_not_found"


async def test_reactions(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    said = await slack.play.say(world.ada, "general", "look")
    where = {"channel": world.general, "timestamp": said["ts"], "name": "eyes"}
    await client.reactions_add(**where)
    assert await error_of(client.reactions_add(**where)) == "already_reacted"
    await slack.play.react(world.ben, "general", said["ts"], "eyes")
    found = await client.reactions_get(channel=world.general, timestamp=said["ts"])
    assert found["message"]["reactions"] == [{"name": "eyes", "users": [world.bot, world.ben], "count": 2}]
    await client.reactions_remove(**where)
    assert await error_of(client.reactions_remove(**where)) == "no_reaction"


async def test_an_ephemeral_is_for_one(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    await client.chat_postEphemeral(channel=world.desk, user=world.ben, text="psst")
    assert [one["text"] for one in (await slack.play.ephemerals(world.ben))["ephemerals"]] == ["psst"]
    assert (await slack.play.ephemerals(world.cleo))["ephemerals"] == []
    assert (await slack.play.channel(world.desk))["messages"] == []
    outside = client.chat_postEphemeral(channel=world.desk, user=world.ada, text="psst")
    assert await error_of(outside) == "user_not_in_channel"


async def test_channels_are_made_and_listed(client: AsyncWebClient, world: Seeded) -> None:
    made = (await client.conversations_create(name="new-room"))["channel"]
    await client.conversations_invite(channel=made["id"], users=[world.ada, world.ben])
    members = (await client.conversations_members(channel=made["id"]))["members"]
    assert members == [world.bot, world.ada, world.ben]
    assert await error_of(client.conversations_create(name="new-room")) == "name_taken"
    kinds = "public_channel,private_channel,im"
    listed = (await client.conversations_list(types=kinds, limit=2))["response_metadata"]["next_cursor"]
    assert listed
    await client.conversations_archive(channel=made["id"])
    rest = (await client.conversations_list(exclude_archived=True))["channels"]
    assert made["id"] not in [one["id"] for one in rest]


async def test_people(client: AsyncWebClient, world: Seeded) -> None:
    found = (await client.users_lookupByEmail(email="ADA@northwind.example"))["user"]
    assert found["id"] == world.ada
    assert await error_of(client.users_lookupByEmail(email="no@one.example")) == "users_not_found"
    assert len((await client.users_list())["members"]) == 4
    profile = (await client.users_profile_get(user=world.ben))["profile"]
    assert profile["real_name"] == "Ben Osei"


async def test_scopes_when_they_matter(slack: SlackServer, world: Seeded) -> None:
    narrow = await slack.play.install(world.team, scopes=["chat:write"])
    poor = AsyncWebClient(token=narrow["token"], base_url=slack.api_url, retry_handlers=[])
    answer = await poor.chat_postMessage(channel=world.desk, text="x")
    assert answer.headers["x-oauth-scopes"] == "chat:write"
    assert await error_of(poor.users_list()) == "missing_scope"


# The SDK signs in with a class that aiohttp is about to drop.
@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
async def test_installing_and_rotating(slack: SlackServer, world: Seeded) -> None:
    guest = AsyncWebClient(base_url=slack.api_url, retry_handlers=[])
    app = slack.world.app
    keys = {"client_id": app.client_id, "client_secret": app.client_secret}
    await slack.play.set_app(rotation=True)
    code = (await slack.play.oauth_code(world.other_team))["code"]
    first = await guest.oauth_v2_access(code=code, **keys)
    assert first["team"]["id"] == world.other_team
    assert await error_of(guest.oauth_v2_access(code=code, **keys)) == "invalid_code"
    await slack.play.expire_tokens(world.other_team)
    old = AsyncWebClient(token=first["access_token"], base_url=slack.api_url, retry_handlers=[])
    assert await error_of(old.auth_test()) == "token_expired"
    second = await guest.oauth_v2_access(
        grant_type="refresh_token", refresh_token=first["refresh_token"], **keys
    )
    new = AsyncWebClient(token=second["access_token"], base_url=slack.api_url, retry_handlers=[])
    assert (await new.auth_test())["ok"]


async def test_rate_limits_when_switched_on(
    client: AsyncWebClient, slack: SlackServer, world: Seeded
) -> None:
    slack.set_knob("rate_limits", True)
    for number in range(5):
        await client.chat_postMessage(channel=world.desk, text=str(number))
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel=world.desk, text="too fast")
    assert caught.value.response.status_code == 429
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    await client.chat_postMessage(channel=world.general, text="another channel is free")


async def test_narrow_history(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    slack.set_knob("narrow_history", True)
    for number in range(20):
        await slack.play.say(world.ada, "general", str(number))
    first = await client.conversations_history(channel=world.general, limit=100)
    assert len(first["messages"]) == 15
    assert await error_of(client.conversations_history(channel=world.general)) == "ratelimited"

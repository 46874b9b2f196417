"""Files both ways, with the real SDK."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Seeded, SlackServer
from tests.playground.slack.conftest import Connect


async def test_the_app_sends_a_file(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    parent = (await client.chat_postMessage(channel=world.desk, text="parent"))["ts"]
    sent = await client.files_upload_v2(
        channel=world.desk, thread_ts=parent, filename="a.txt", content="hello", initial_comment="see"
    )
    (file,) = sent["files"]
    assert file["shares"] == {}
    assert await slack.delivery.settled()
    found = (await client.files_info(file=file["id"]))["file"]
    (share,) = found["shares"]["private"][world.desk]
    thread = (await client.conversations_replies(channel=world.desk, ts=parent))["messages"]
    assert (thread[1]["ts"], thread[1]["text"]) == (share["ts"], "see")
    assert thread[1]["files"][0]["id"] == file["id"]
    assert thread[1]["bot_id"]


async def test_people_send_files_and_the_app_reads_them(
    app: AsyncApp,
    connect: Connect,
    heard: list[dict[str, Any]],
    client: AsyncWebClient,
    slack: SlackServer,
    world: Seeded,
) -> None:
    await connect(app)
    files = [{"name": "n.txt", "text": "one"}, {"name": "p.png", "content": "iVBORw0KGgo="}]
    await slack.play.say(world.ada, "bot", "look", files=files)
    assert await slack.delivery.settled()
    event = next(body["event"] for body in heard if body["event"]["type"] == "message")
    assert event["subtype"] == "file_share"
    assert [one["mimetype"] for one in event["files"]] == ["text/plain", "image/png"]
    assert [body["event"]["type"] for body in heard].count("file_shared") == 2
    url = event["files"][0]["url_private"]
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers={"Authorization": f"Bearer {client.token}"}) as answer:
            assert await answer.read() == b"one"
        async with session.get(url) as answer:
            assert answer.content_type == "text/html"


async def test_uploads_that_do_not_work(client: AsyncWebClient, slack: SlackServer, world: Seeded) -> None:
    begun = await client.files_getUploadURLExternal(filename="a.bin", length=4)
    finish = {"files": [{"id": begun["file_id"]}], "channel_id": world.desk}
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(**finish)
    async with aiohttp.ClientSession() as session:
        async with session.post(begun["upload_url"], data=b"too long") as answer:
            assert answer.status == 400
        async with session.post(begun["upload_url"], data=b"four") as answer:
            assert await answer.text() == "OK - 4"
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.files_completeUploadExternal(files=[{"id": begun["file_id"]}], channel_id="C404")
    await client.files_completeUploadExternal(**finish)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(**finish)
    await client.files_delete(file=begun["file_id"])
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=begun["file_id"])

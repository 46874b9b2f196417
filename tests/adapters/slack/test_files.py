"""Files both ways, streamed, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.chat import Card, FileRef, Gone, NotSupported, Post, PostFailed, Revoked, Said, ThreadGone
from tests.adapters.slack.conftest import Hearing
from tests.adapters.slack.standin import Standin

CONTENT = bytes(range(256)) * 1_000


async def chunks(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 10_000):
        yield content[start : start + 10_000]


def post(**more: Any) -> Post:
    return Post(Card(author="Ben"), since=datetime.now(UTC), **more)


FILE = FileRef("plan.bin", len(CONTENT), "application/octet-stream")


async def test_a_file_goes_out_and_its_message_is_named(slack: Standin) -> None:
    native = await slack.adapter.send(slack.place, FILE, chunks(), post(), key="f1")
    (shown,) = (await slack.server.play.channel(slack.place.channel))["messages"]
    assert shown["ts"] == native
    assert shown["files"][0]["name"] == "plan.bin"
    assert slack.server.world.files[shown["files"][0]["id"]].content == CONTENT
    await slack.adapter.delete(slack.place, native)
    assert (await slack.server.play.channel(slack.place.channel))["messages"] == []
    assert slack.server.world.files == {}


async def test_a_file_whose_answer_was_lost_is_sent_once(slack: Standin) -> None:
    slack.server.faults.add("files.completeUploadExternal", "commit_drop", times=1)
    native = await slack.adapter.send(slack.place, FILE, chunks(), post(), key="f1")
    again = await slack.adapter.send(slack.place, FILE, chunks(), post(again=True), key="f1")
    assert again == native
    assert len((await slack.server.play.channel(slack.place.channel))["messages"]) == 1


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "upload", "files.info"])
async def test_a_file_that_failed_on_the_way_is_sent_once(slack: Standin, method: str) -> None:
    slack.server.faults.add(method, "commit_drop", times=1)
    with pytest.raises(PostFailed):
        await slack.adapter.send(slack.place, FILE, chunks(), post(), key="f1")
    await slack.server.play.settled()
    await slack.adapter.send(slack.place, FILE, chunks(), post(again=True), key="f1")
    assert len((await slack.server.play.channel(slack.place.channel))["messages"]) == 1


async def test_a_file_into_a_thread_and_one_that_is_gone(slack: Standin) -> None:
    made = await slack.adapter.open_thread(slack.room, "#1", Post(Card(title="#1")), key="h")
    await slack.adapter.send(made.place, FILE, chunks(), post(), key="f1")
    assert len(await slack.shows(made.place)) == 2
    with pytest.raises(ThreadGone):
        await slack.adapter.send(
            replace(made.place, thread="1700000000.000001"), FILE, chunks(), post(), key="f2"
        )
    assert len(await slack.shows(slack.room)) == 1


@pytest.mark.parametrize(
    ("code", "raised"),
    [("file_not_found", PostFailed), ("file_deleted", NotSupported), ("is_archived", Gone)],
)
async def test_a_file_that_is_gone_takes_no_place_with_it(
    slack: Standin, code: str, raised: type[PostFailed]
) -> None:
    """A desk room's thread would be opened anew, with all that was said."""
    slack.server.faults.add("files.info", "error", error=code)
    with pytest.raises(PostFailed) as told:
        await slack.adapter.send(slack.room, FILE, chunks(), post(), key="f1")
    assert type(told.value) is raised


async def test_thirty_files_come_in(live: Standin, hearing: Hearing) -> None:
    files = [{"name": f"f{number}.txt", "text": f"content {number}"} for number in range(30)]
    await live.server.play.say(live.world.ada, "bot", "look", files=files)
    said = await hearing.first(Said)
    assert [one.name for one in said.files] == [one["name"] for one in files]
    got = [b"".join([c async for c in live.adapter.fetch(said.place, one)]) for one in said.files]
    assert got == [one["text"].encode() for one in files]


async def test_a_page_to_sign_in_is_no_file(live: Standin, hearing: Hearing) -> None:
    await live.server.play.say(live.world.ada, "bot", "look", files=[{"name": "a.txt", "text": "secret"}])
    said = await hearing.first(Said)
    with pytest.raises(Gone):
        await anext(live.adapter.fetch(said.place, replace(said.files[0], locator="F0NOTHING")))
    # Last of all: a workspace whose token is refused is let go.
    fetched = live.adapter.fetch(said.place, said.files[0])
    live.adapter.workspaces.known[live.world.team].client.token = "xoxb-wrong"
    with pytest.raises(Revoked):
        await anext(fetched)


async def test_our_token_goes_to_slack_alone(live: Standin, hearing: Hearing) -> None:
    may = live.adapter.transfer._may_have_token
    assert may(f"{live.server.base}/files-pri/x")
    assert may("https://files.slack.com/files-pri/T1-F1/a.txt")
    assert not may("https://files.slack.com.example.com/a")
    assert not may("http://files.slack.com/a")
    assert not may("https://example.com/a")
    assert not may("http://169.254.169.254/latest/meta-data")
    assert not may("https://files.slack.com@example.com/a")

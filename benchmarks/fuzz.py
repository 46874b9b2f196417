"""Everything that reads what strangers send, fed with what nobody would send.

    python -m benchmarks.fuzz [--inputs N] [--seed S] [--only NAME] [--quick] [--json]

Each reader must answer or refuse in words (an error of the desk's own tree), within two seconds of the
processor; anything else is a find, and is printed with what led to it. Inputs are made anew from seed, reader and number, so that a
find comes again; those that were found once are in `tests/security/found.json` and run with the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from PIL import Image

from adapters.discord import from_discord, to_discord
from adapters.discord import inbound as discord_inbound
from adapters.discord.known import Known as DiscordKnown
from adapters.slack import inbound as slack_inbound
from adapters.slack import mrkdwn, reading, writing
from adapters.slack.names import Known as SlackKnown
from adapters.telegram import entities, html
from adapters.telegram import inbound as telegram_inbound
from adapters.telegram.facts import Me
from adapters.webchat import tokens
from benchmarks import fuzz_edges
from core import conditions, fit, markdown, text
from core.chat import Card, Limits, key_of
from core.chat_codec import from_json, to_json
from core.conditions import Field, Fields, Kind
from core.crypto import words
from core.errors import DeskError
from core.files import names, sniff, thumbs
from core.kb import difference, documents, front_matter, page
from core.people import credentials, linking
from core.people import service as people
from core.tickets import query_words
from webui.public import local_path

SLOWEST = 5.0
KEY = bytes(32)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIELDS = Fields.of(
    Field(name="subject", kind=Kind.text, label="Subject", folded=True),
    Field(name="rating", kind=Kind.number, label="Rating"),
)
LIMITS = Limits(text=2_000)
PARTS = (
    "<", ">", "&", "&amp;", "&#x0;", "&lt;", "*", "**", "_", "__", "~~", "`", "```", "```py\n", "[", "]", "(", ")", "](", "![", "|", "\\", "#", "# ", "- ",
    "1. ", "> ", "\n", "\n\n", "\r", "\t", " ", "    ", "@", "@everyone", "<@U1>", "<@!1>", "<#C1|x>", "<!here>", "<!subteam^S1>", "<t:0:R>", "<:a:1>", "||",
    ":+1:", "http://", "https://a.example/x?y=1#z", "javascript:", "data:", "mailto:", "//", "/", "..", "../", "%00", "%2e", "\x00", "\x1b[31m", "\u202e", "\u200b",
    "\u200d", "\ufeff", "\ud800", "\udfff", "\U0001f468\u200d\U0001f469", "e\u0301", "\u0130", "ß", "ﬁ", "Ω", "你好", "مرحبا", "--", "---", "---\n", "title: ", "'", '"', "{{", "}}", "{0}",
    "%s", "$(x)", ";", ":", ",", "=", "status:", "tag:", "-", "from:ada", "before:2026-13-45", "9" * 30, "1e400", "NaN", "<b>", "</b>", "<script>", "<a href='x'>", "<tg-spoiler>", "-->",
)  # fmt: skip
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**70, 1.5, float("inf"), float("nan"), "", "x" * 3_000, "\ud800", "\x00", "/", [], {}, [[]], [None], {"id": {}}, "1790000000.000100",
)  # fmt: skip
SHAPES: dict[str, tuple[Any, ...]] = {
    "slack": (
        {"team_id": "T1", "event": {"type": "message", "channel": "C1", "channel_type": "im", "user": "U1", "ts": "1790000000.000100", "text": "hi *b*", "files": [{"id": "F1", "name": "a"}], "blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x", "style": {"bold": True}}]}]}]}},
        {"team_id": "T1", "event": {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "1.2", "message": {"user": "U1", "ts": "1.1", "text": "a"}, "previous_message": {"text": "b"}}},
        {"team_id": "T1", "event": {"type": "reaction_added", "user": "U1", "reaction": "+1", "item": {"type": "message", "channel": "C1", "ts": "1.1"}}},
        {"command": "/desk", "text": "claim 4", "team_id": "T1", "user_id": "U1", "channel_id": "C1", "trigger_id": "t"},
        {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "C1"}, "message": {"ts": "1.1"}, "actions": [{"action_id": "a:b:1", "type": "button", "value": "x"}]},
        {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": "U1"}, "view": {"callback_id": "a:b:1", "private_metadata": "{}", "state": {"values": {"a": {"b": {"type": "plain_text_input", "value": "x"}}}}}},
    ),
    "discord": (
        {"id": "5", "channel_id": "2", "guild_id": "1", "author": {"id": "7", "username": "ada"}, "content": "hi **b** <@7>", "timestamp": "2026-11-01T00:00:00+00:00", "attachments": [{"id": "1", "filename": "a", "size": 1, "url": "https://x"}], "mentions": [{"id": "7", "username": "b"}], "message_snapshots": [{"message": {"content": "x"}}]},
        {"id": "5", "type": 2, "token": "t", "channel_id": "2", "guild_id": "1", "member": {"user": {"id": "7", "username": "a"}}, "data": {"name": "desk", "options": [{"name": "claim", "type": 1, "options": [{"name": "number", "value": 4}]}]}},
        {"id": "5", "type": 3, "token": "t", "channel_id": "2", "user": {"id": "7", "username": "a"}, "message": {"id": "9"}, "data": {"custom_id": "a:b:1", "values": ["x"]}},
        {"id": "5", "type": 5, "token": "t", "channel_id": "2", "user": {"id": "7", "username": "a"}, "data": {"custom_id": "a:b:1", "components": [{"components": [{"custom_id": "x", "value": "y"}]}]}},
    ),
    "telegram": (
        {"update_id": 1, "message": {"message_id": 9, "from": {"id": 5, "first_name": "A"}, "chat": {"id": 5, "type": "private"}, "date": 1_760_000_000, "text": "hi there", "entities": [{"type": "bold", "offset": 0, "length": 2}]}},
        {"update_id": 2, "message": {"message_id": 9, "from": {"id": 5}, "chat": {"id": -1, "type": "supergroup"}, "date": 1, "photo": [{"file_id": "f"}], "caption": "c", "caption_entities": [{"type": "text_link", "offset": 0, "length": 1, "url": "x"}], "reply_to_message": {"message_id": 1}}},
        {"update_id": 3, "callback_query": {"id": "1", "from": {"id": 5}, "message": {"message_id": 1, "chat": {"id": 5, "type": "private"}, "date": 1}, "data": "a:b:1=c"}},
        {"update_id": 4, "message_reaction": {"chat": {"id": 5, "type": "private"}, "message_id": 1, "date": 1, "user": {"id": 5}, "new_reaction": [{"type": "emoji", "emoji": "x"}]}},
    ),
    "condition": ({"all": [{"field": "subject", "op": "has", "value": "x"}, {"not": {"any": [{"field": "rating", "op": "lt", "value": 3}]}}]},),
}  # fmt: skip
EVENTS = (
    "MESSAGE_CREATE",
    "MESSAGE_UPDATE",
    "MESSAGE_DELETE",
    "TYPING_START",
    "INTERACTION_CREATE",
    "THREAD_DELETE",
)


@dataclass(frozen=True)
class Reader:
    """`make` gives an input of a source of chance, `read` reads it."""

    make: Callable[[random.Random], Any]
    read: Callable[[Any], object]


@dataclass(frozen=True)
class Find:
    """What went wrong, and with what."""

    reader: str
    number: int
    error: str
    given: Any


def readers() -> dict[str, Reader]:
    """Everything that is fed, by its name."""
    found = {name: Reader(made_text, read) for name, read in (_of_text() | fuzz_edges.of_text()).items()}
    found |= {name: Reader(made_bytes, read) for name, read in (_of_bytes() | fuzz_edges.of_bytes()).items()}
    found |= {name: Reader(_maker(name), read) for name, read in _of_shapes().items()}
    return found


def try_one(name: str, reader: Reader, number: int, given: Any) -> Find | None:
    """Nothing, when it was read or refused in words, in time."""
    begun = time.process_time()
    try:
        reader.read(given)
    except DeskError:
        pass
    except Exception as error:  # noqa: BLE001  to find them is what this is for
        return Find(name, number, f"{type(error).__name__}: {error}"[:300], given)
    spent = time.process_time() - begun
    return Find(name, number, f"took {spent:.1f} s of the processor", given) if spent > SLOWEST else None


def run(inputs: int, seed: int, only: str = "") -> Iterator[Find]:
    """Feed so many inputs, all readers in turn."""
    chosen = {name: reader for name, reader in readers().items() if only in name}
    for number in range(inputs // len(chosen)):
        for name, reader in chosen.items():
            found = try_one(name, reader, number, reader.make(random.Random(f"{seed}/{name}/{number}")))
            if found is not None:
                yield found


def made_text(source: random.Random) -> str:
    """Words and marks in any order, long runs, and now and then any character there is."""
    parts = []
    for _n in range(source.choice((1, 3, 10, 40))):
        kind = source.random()
        if kind < 0.7:
            parts.append(source.choice(PARTS))
        elif kind < 0.9:
            parts.append(source.choice(("word", "Ada", "42", "a.b", "x_y")))
        elif kind < 0.97:
            parts.append(chr(source.randrange(0x110000)))
        else:
            parts.append(source.choice(PARTS) * source.choice((50, 500)))
    return "".join(parts)


def made_bytes(source: random.Random) -> bytes:
    """A true file that was cut and changed, or noise behind a true beginning."""
    data = bytearray(source.choice(_files()))
    for _n in range(source.choice((0, 1, 4, 30))):
        data[source.randrange(len(data))] = source.randrange(256)
    if source.random() < 0.5:
        data = data[: source.randrange(1, len(data) + 1)]
    return bytes(data) + (source.randbytes(source.randrange(64)) if source.random() < 0.3 else b"")


def spoil(value: Any, source: random.Random) -> None:
    """Change one thing somewhere inside."""
    while isinstance(value, (dict, list)) and value:
        key = source.choice(list(value)) if isinstance(value, dict) else source.randrange(len(value))
        if source.random() < 0.4 or not isinstance(value[key], (dict, list)):
            if isinstance(value, dict) and source.random() < 0.2:
                del value[key]
            else:
                value[key] = source.choice((*JUNK, made_text(source)))
            return
        value = value[key]


def _of_text() -> dict[str, Callable[[Any], object]]:
    known = SlackKnown("T1", bot_user="UBOT")
    discord = DiscordKnown("1")
    return {
        "markdown.to_html": lambda given: markdown.to_html(text.clean(given)),
        "markdown.to_text": lambda given: markdown.to_text(text.clean(given)),
        "text.message": text.message,
        "text.line": lambda given: text.line(given, field="x"),
        "text.subject_of": text.subject_of,
        "words.terms": lambda given: words.terms(KEY, given),
        "words.prefixes": lambda given: words.prefixes(KEY, given),
        "query_words": lambda given: query_words.parse_query(query_words.to_text(query_words.parse_query(given))),
        "names.clean_name": names.clean_name,
        "local_path": local_path,
        "email": people.checked_email,
        "password": credentials.checked_password,
        "linking.said": linking.said,
        "fit.card": lambda given: fit.fit(Card(text=given), LIMITS),
        "fit.split": lambda given: fit.split(given, 100),
        "kb.page": lambda given: page.show(text.clean(given)),
        "kb.front_matter": front_matter.read,
        "kb.documents": lambda given: documents.read("a.md", given.encode("utf-8", "replace"), "en"),
        "kb.difference": lambda given: difference.difference(given, given[::-1]),
        "slack.mrkdwn": lambda given: (mrkdwn.elements(given), list(mrkdwn.spans(given))),
        "slack.read": lambda given: reading.plain(given, known),
        "slack.write": lambda given: (writing.rich(text.clean(given)), writing.line(text.clean(given))),
        "discord.read": lambda given: from_discord.to_commonmark(given, discord, {}),
        "discord.write": lambda given: to_discord.to_discord(text.clean(given)),
        "telegram.write": lambda given: html.visible(html.to_html(given)),
        "telegram.read": lambda given: entities.to_markdown(given, [{"type": "bold", "offset": 1, "length": 5}]),
        "visitor": lambda given: tokens.read(KEY, given, 0),
        "form": lambda given: tokens.form_age(KEY, given, "v", 0),
        "vouched": lambda given: tokens.check_claims(given, "a secret of thirty-two bytes or more", "help.example"),
    }  # fmt: skip


def _of_bytes() -> dict[str, Callable[[Any], object]]:
    return {
        "sniff": lambda given: sniff.sniff(given, "a.png"),
        "thumbs": lambda given: asyncio.run(thumbs.make_thumb(given)),
        "kb.documents of bytes": lambda given: documents.read("a.md", given, "en"),
    }


def _of_shapes() -> dict[str, Callable[[Any], object]]:
    known = SlackKnown("T1", bot_user="UBOT", commands=frozenset({"claim"}))
    me = Me("77", "desk_bot", commands=frozenset({"close"}))

    def kept(inbound: Any) -> None:
        """What comes out can be kept, and is the same when it comes back."""
        if inbound is not None:
            assert key_of(inbound)
            assert from_json(to_json(inbound)) == inbound

    return {
        "slack": lambda given: kept(slack_inbound.to_inbound(given, known)),
        "discord": lambda given: [
            kept(discord_inbound.to_inbound(event, given, DiscordKnown("1"), NOW)) for event in EVENTS
        ],
        "telegram": lambda given: kept(telegram_inbound.to_inbound(given, me)),
        "condition": lambda given: conditions.parse(given, FIELDS),
    }


def _maker(name: str) -> Callable[[random.Random], Any]:
    def make(source: random.Random) -> Any:
        made = json.loads(json.dumps(source.choice(SHAPES[name])))
        for _n in range(source.randint(1, 4)):
            spoil(made, source)
        return made

    return make


_FILES: list[bytes] = []


def _files() -> list[bytes]:
    if not _FILES:
        for kind in ("PNG", "JPEG", "GIF", "WEBP"):
            made = BytesIO()
            Image.new("RGB", (40, 30), "red").save(made, kind)
            _FILES.append(made.getvalue())
        _FILES.extend(
            (
                b"%PDF-1.7\n",
                b"PK\x03\x04" + bytes(30),
                b"---\ntitle: x\n---\nbody",
                b"\xef\xbb\xbf<html>",
                b"\x1aE\xdf\xa3" + bytes(20),
                _archive(),
                b'{"id": "m1", "text": "hi", "files": [{"id": "f1", "name": "a"}], "reply_to": "m0"}',
                b"=1+1,@x\r\n",
            )
        )
    return _FILES


def _archive() -> bytes:
    """What a backup is, with nothing in it."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b'{"format": 1, "sums": "0"}')
        archive.writestr("sums.txt", b"0  database\n")
        archive.writestr("files/a", bytes(4_000))
    return made.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=0, help="how many in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="readers whose name holds this")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    inputs = options.inputs or (20_000 if options.quick else 1_000_000)
    begun, finds = time.perf_counter(), []
    for find in run(inputs, options.seed, options.only):
        finds.append(find)
        print(f"{find.reader} {find.number}: {find.error}\n  {find.given!r}"[:1_200])
    seconds = time.perf_counter() - begun
    told = {
        "inputs": inputs,
        "readers": len(readers()),
        "seed": options.seed,
        "finds": len(finds),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(told) if options.json else " ".join(f"{name}={value}" for name, value in told.items()))
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())

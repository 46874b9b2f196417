"""The API as a program meets it: tokens, scopes, the same POST twice, paging, problems."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select

from core.access import SYSTEM, Permission
from core.conversations.model import Attachment
from core.desk import Desk
from core.kb import service as articles
from core.kb.service import Facts
from core.people import service as people
from core.people import tokens
from webui.api.document import document
from webui.app import make_app
from webui.site import Site

SNAPSHOT = Path(__file__).parents[2] / "docs" / "developers" / "openapi.json"
ALL = tuple(tokens.SCOPES)


@dataclass
class Api:
    """A client of the API, with a token for each of several people."""

    desk: Desk
    client: AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    async def person(self, name: str, role: str, scopes: tuple[str, ...] = ALL) -> None:
        async with self.desk.unit() as uow:
            person = await people.add(uow, name=name, role=role, email=f"{name}@example.com")
            await uow.session.flush()
            self.tokens[name] = await tokens.make(uow, person, "test", scopes)

    async def call(self, who: str, method: str, path: str, key: str = "", **options: Any) -> Response:
        headers = {"authorization": f"Bearer {self.tokens[who]}"} | options.pop("headers", {})
        if key:
            headers["idempotency-key"] = key
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **options)


@pytest.fixture
async def api(desk: Desk) -> AsyncIterator[Api]:
    app = make_app(Site(desk=desk, public_url="http://test"))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        made = Api(desk, client)
        await made.person("bob", "agent")
        yield made


async def opened(api: Api, text: str = "The printer is on fire", **more: Any) -> int:
    body = {"text": text, "requester": {"email": "ada@example.com", "name": "Ada"}} | more
    answer = await api.call("bob", "POST", "/tickets", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


async def test_a_ticket_from_its_opening_to_its_end(api: Api) -> None:
    number = await opened(api, tags=["Fire", "urgent"])
    claimed = (await api.call("bob", "POST", f"/tickets/{number}/claim")).json()
    assert (claimed["status"], claimed["assignee"]["name"]) == ("in_progress", "bob")
    assert sorted(claimed["tags"]) == ["fire", "urgent"]
    said = await api.call("bob", "POST", f"/tickets/{number}/messages", json={"text": "On my way", "hold": 0})
    assert said.status_code == 201
    await api.call("bob", "POST", f"/tickets/{number}/notes", json={"text": "bring water"})
    resolved = (
        await api.call("bob", "POST", f"/tickets/{number}/resolve", json={"solution": "water"})
    ).json()
    assert (resolved["status"], resolved["solution"]) == ("resolved", "water")
    timeline = (await api.call("bob", "GET", f"/tickets/{number}/messages")).json()["items"]
    assert [line["kind"] for line in timeline if line["kind"] != "fact"] == ["chat", "chat", "note"]
    assert "ticket.resolved" in [line["fact"] for line in timeline]


async def test_without_a_good_token_nothing_is_told(api: Api) -> None:
    for headers in ({}, {"authorization": "Bearer dskb_nonsense"}, {"authorization": "Basic Zm9v"}):
        answer = await api.client.get("/api/v1/tickets", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_token_does_only_what_its_scopes_say(api: Api) -> None:
    await api.person("eve", "agent", ("tickets:read",))
    number = await opened(api)
    assert (await api.call("eve", "GET", f"/tickets/{number}")).status_code == 200
    refused = await api.call("eve", "POST", f"/tickets/{number}/claim")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_a_revoked_token_ends_at_once(api: Api) -> None:
    async with api.desk.unit() as uow:
        person = await people.by_email(uow, "bob@example.com", verified=False)
        assert person is not None
        [shown] = await tokens.of_person(uow, person)
        await tokens.revoke(uow, person, shown.id)
    assert (await api.call("bob", "GET", "/me")).status_code == 401


async def test_the_same_post_with_a_key_is_done_once(api: Api) -> None:
    body = {"text": "only once", "requester": {"email": "ada@example.com"}}
    first = await api.call("bob", "POST", "/tickets", key="k1", json=body)
    again = await api.call("bob", "POST", "/tickets", key="k1", json=body)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    listed = (await api.call("bob", "GET", "/tickets")).json()["items"]
    assert len(listed) == 1


async def test_the_same_post_at_the_same_time_is_done_once(api: Api) -> None:
    body = {"text": "at once", "requester": {"email": "ada@example.com"}}
    answers = await asyncio.gather(
        *(api.call("bob", "POST", "/tickets", key="k2", json=body) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["number"] for answer in answers}) == 1


async def test_a_key_used_for_another_request_is_refused(api: Api) -> None:
    number = await opened(api)
    path = f"/tickets/{number}/notes"
    await api.call("bob", "POST", path, key="k3", json={"text": "one"})
    refused = await api.call("bob", "POST", path, key="k3", json={"text": "two"})
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")


async def test_what_failed_may_be_tried_again_with_its_key(api: Api) -> None:
    number = await opened(api)
    path = f"/tickets/{number}/release"
    assert (await api.call("bob", "POST", path, key="k4")).status_code == 409
    await api.call("bob", "POST", f"/tickets/{number}/claim")
    assert (await api.call("bob", "POST", path, key="k4")).status_code == 200


async def test_lists_are_paged_by_key(api: Api) -> None:
    numbers = [await opened(api, f"ticket {n}") for n in range(5)]
    seen: list[int] = []
    after: str | None = None
    while True:
        page = (
            await api.call(
                "bob",
                "GET",
                "/tickets",
                params={"limit": 2, "sort": "number"} | ({"after": after} if after else {}),
            )
        ).json()
        seen += [one["number"] for one in page["items"]]
        if (after := page["next"]) is None:
            break
    assert seen == numbers


async def test_a_condition_chooses(api: Api) -> None:
    plain, urgent = await opened(api, "one"), await opened(api, "two", priority="urgent")
    where = json.dumps({"field": "priority", "op": "is", "value": "urgent"})
    page = (await api.call("bob", "GET", "/tickets", params={"where": where})).json()
    assert [one["number"] for one in page["items"]] == [urgent] != [plain]
    for wrong in ("{", '{"field": "nonsense", "op": "is", "value": 1}'):
        assert (await api.call("bob", "GET", "/tickets", params={"where": wrong})).status_code == 422


@pytest.mark.parametrize("number", ["0", "-1", "99999", str(2**62), str(2**80), "abc"])
async def test_a_number_that_is_none_is_not_found_or_not_a_number(api: Api, number: str) -> None:
    assert (await api.call("bob", "GET", f"/tickets/{number}")).status_code in (404, 422)


async def test_mistakes_are_problems_that_name_the_field(api: Api) -> None:
    answer = await api.call("bob", "POST", "/tickets", json={"text": "x", "colour": "red"})
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["field"]) == (422, 422, "colour")
    empty = await api.call("bob", "POST", "/tickets", json={"text": "  "})
    assert (empty.status_code, empty.json()["field"]) == (422, "text")


@pytest.mark.parametrize(
    "fields",
    [
        "[" * 50_000 + "]" * 50_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"a":NaN}',
        '{"a":1e999}',
        f'{{"a":{"9" * 5_000}}}',
    ],
    ids=["lists", "objects", "no number", "endless", "long"],
)
async def test_bodies_that_nest_or_count_without_end_are_refused(api: Api, fields: str) -> None:
    body = f'{{"text":"x","fields":{fields}}}'.encode()
    answer = await api.call(
        "bob", "POST", "/tickets", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text


async def test_what_is_so_already_may_be_named_again(api: Api) -> None:
    number = await opened(api)
    mine = (await api.call("bob", "POST", f"/tickets/{number}/claim")).json()
    same = {"assignee_id": mine["assignee"]["id"], "priority": mine["priority"], "subject": mine["subject"]}
    again = await api.call("bob", "PATCH", f"/tickets/{number}", json=same)
    assert (again.status_code, again.json()["version"]) == (200, mine["version"])


async def test_the_kind_of_a_problem_is_described_where_it_says(api: Api) -> None:
    page = (await api.client.get("/docs/api")).text
    number = await opened(api)
    for method, path, options in (
        ("GET", "/tickets/999999", {}),
        ("POST", "/tickets", {"content": "{", "headers": {"content-type": "application/json"}}),
        ("POST", f"/tickets/{number}/reopen", {}),
        ("POST", "/tickets", {"json": {"text": "x" * 100_001}}),
    ):
        told = (await api.call("bob", method, path, **options)).json()
        page_of, _sign, anchor = told["type"].partition("#")
        assert (page_of, f'id="{anchor}"' in page) == ("/docs/api", True)
    wrong = await api.call(
        "bob", "POST", "/tickets", content="{", headers={"content-type": "application/json"}
    )
    assert (wrong.json()["detail"], "field" in wrong.json()) == ("The body is not JSON.", False)


async def test_a_change_with_an_old_version_is_refused(api: Api) -> None:
    number = await opened(api)
    version = (await api.call("bob", "GET", f"/tickets/{number}")).json()["version"]
    fine = await api.call("bob", "PATCH", f"/tickets/{number}", json={"version": version, "priority": "high"})
    assert fine.json()["priority"] == "high"
    late = await api.call("bob", "PATCH", f"/tickets/{number}", json={"version": version, "priority": "low"})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


async def test_a_file_goes_up_into_a_message_and_comes_down_again(api: Api) -> None:
    number = await opened(api)
    up = await api.call(
        "bob", "POST", "/files", content=b"hello file", headers={"x-file-name": "../../a/notes.txt"}
    )
    assert (up.status_code, up.json()["name"]) == (201, "notes.txt")
    said = await api.call(
        "bob",
        "POST",
        f"/tickets/{number}/messages",
        json={"text": "see", "files": [up.json()["id"]], "hold": 0},
    )
    [file] = said.json()["files"]
    down = await api.call("bob", "GET", f"/files/{file['id']}")
    assert down.content == b"hello file"
    assert down.headers["content-disposition"] == "attachment"
    stolen = await api.call(
        "bob", "POST", f"/tickets/{number}/messages", json={"text": "x", "files": [str(uuid4())]}
    )
    assert stolen.status_code == 422


async def test_the_same_file_with_a_key_goes_up_once(api: Api) -> None:
    async def up(content: bytes, name: str = "notes.txt") -> Response:
        headers = {"x-file-name": name}
        return await api.call("bob", "POST", "/files", key="f1", content=content, headers=headers)

    first, again = await up(b"hello file"), await up(b"hello file")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    for other in (await up(b"another"), await up(b"hello file", "other.txt")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    async with api.desk.unit() as uow:
        assert await uow.session.scalar(select(func.count()).select_from(Attachment)) == 1
    assert len([name async for name in api.desk.means.files.names()]) == 1


async def test_people_and_search(api: Api) -> None:
    number = await opened(api, "the zeppelin has a leak")
    found = (await api.call("bob", "GET", "/search", params={"q": "zeppelins"})).json()
    assert ([hit["ticket"]["number"] for hit in found["items"]], found["number"]) == ([number], None)
    by_number = (await api.call("bob", "GET", "/search", params={"q": f"#{number}"})).json()
    assert by_number["number"] == number
    listed = (await api.call("bob", "GET", "/people", params={"q": "ada"})).json()["items"]
    assert [one["email"] for one in listed] == ["ada@example.com"]
    changed = await api.call("bob", "PATCH", f"/people/{listed[0]['id']}", json={"zone": "Europe/Berlin"})
    assert changed.json()["zone"] == "Europe/Berlin"


async def test_a_search_by_filters_counts_what_is_on_other_pages(api: Api) -> None:
    for each in range(5):
        await opened(api, f"ticket {each}")
    first = (await api.call("bob", "GET", "/search", params={"q": "status:open", "limit": 2})).json()
    assert (first["found"], len(first["items"])) == (5, 2)
    asked = {"q": "status:open", "limit": 4, "after": first["next"]}
    second = (await api.call("bob", "GET", "/search", params=asked)).json()
    assert (second["found"], len(second["items"]), second["next"]) == (5, 3, None)


async def test_a_token_does_not_move_a_colleagues_address(api: Api) -> None:
    """Whoever has the address can sign in: a token would become a whole account."""
    await api.person("eve", "admin", ("people:write",))
    bob = (await api.call("bob", "GET", "/me")).json()["id"]
    async with api.desk.unit() as uow:
        eve = await people.by_email(uow, "eve@example.com", verified=False)
        assert eve is not None
    for who, whose in (("eve", str(eve.id)), ("eve", bob)):
        refused = await api.call(who, "PATCH", f"/people/{whose}", json={"email": "thief@example.net"})
        assert (refused.status_code, refused.json()["code"]) == (409, "refused")
    named = await api.call(
        "eve", "PATCH", f"/people/{eve.id}", json={"name": "Eve", "email": "eve@example.com"}
    )
    assert (named.status_code, named.json()["email"]) == (200, "eve@example.com")


async def test_answers_say_what_is_left_of_the_budget(api: Api) -> None:
    first = await api.call("bob", "GET", "/me")
    second = await api.call("bob", "GET", "/me")
    assert int(second.headers["ratelimit-remaining"]) < int(first.headers["ratelimit-limit"])


async def test_articles_as_their_reader_may_read_them(api: Api) -> None:
    api.desk.means.roles["requester"] |= {Permission.use_api}
    await api.person("ada", "requester")
    await api.person("eve", "requester", ("tickets:read",))
    async with api.desk.unit() as uow:
        for title, audience in (("Charge the battery", "public"), ("Refund rules", "internal")):
            _article, text = await articles.create(
                uow, SYSTEM, title=title, body=f"{title} at night.", facts=Facts(audience=audience)
            )
            await articles.publish(uow, SYSTEM, text.id, version=text.version)
    assert (await api.call("eve", "GET", "/articles")).status_code == 403
    first = (await api.call("bob", "GET", "/articles?limit=1")).json()
    second = (await api.call("bob", "GET", f"/articles?limit=1&after={first['next']}")).json()
    assert (await api.call("bob", "GET", "/articles?after=nonsense")).status_code == 422
    titles = [one["title"] for page in (first, second) for one in page["items"]]
    assert (sorted(titles), second["next"]) == (["Charge the battery", "Refund rules"], None)
    [found] = (await api.call("ada", "GET", "/articles?q=batery")).json()["items"]
    assert found["url"].endswith("/help/en/charge-the-battery")
    assert (await api.call("ada", "GET", "/articles?q=refund")).json()["items"] == []
    whole = (await api.call("ada", "GET", f"/articles/{found['id']}?language=de")).json()
    assert (whole["body"], whole["languages"]) == ("Charge the battery at night.", ["en"])
    inside = next(one for page in (first, second) for one in page["items"] if one["audience"] == "internal")
    assert (await api.call("ada", "GET", f"/articles/{inside['id']}")).status_code == 404


async def test_the_description_is_the_one_that_was_agreed(api: Api) -> None:
    """Run `make docs` after a deliberate change."""
    assert json.loads(SNAPSHOT.read_text()) == document()
    assert (await api.client.get("/api/v1/openapi.json")).json() == document()


async def test_the_description_says_what_the_door_does(api: Api) -> None:
    made = document()
    assert "HTTPValidationError" not in json.dumps(made)
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            named = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert ("Idempotency-Key" in named) == (method == "post"), path
            assert {"401", "403", "429"} <= operation["responses"].keys(), path
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    assert "RateLimit-Remaining" in answer["headers"], path
                else:
                    assert answer["$ref"].rpartition("/")[2] in made["components"]["responses"], path


async def test_a_problem_is_as_it_is_described(api: Api) -> None:
    described = document()["components"]["schemas"]["Problem"]
    for answer in (
        await api.client.get("/api/v1/me"),
        await api.call("bob", "GET", "/tickets/9999"),
        await api.call("bob", "POST", "/tickets", json={"colour": "red"}),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(described["required"]) <= answer.json().keys() <= set(described["properties"])


async def test_the_page_about_the_api_names_no_outside_address(api: Api) -> None:
    page = await api.client.get("/docs/api")
    assert page.status_code == 200
    assert "POST /api/v1/tickets" in page.text
    assert "<code>Authorization: Bearer dskb_…</code>" in page.text
    assert "`" not in page.text
    assert "https://" not in page.text.replace("http://www.w3.org", "")

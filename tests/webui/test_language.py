"""Pages speak the browser's language, also when they fail before anybody is known."""

from __future__ import annotations

import httpx
import pytest
from httpx import ASGITransport

from core.desk import Desk
from webui.app import make_app
from webui.site import Site

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.mark.parametrize(
    ("method", "path", "status", "headline", "words"),
    [
        ("GET", "/no-such-page", 404, "Nicht gefunden", "Diese Seite gibt es nicht."),
        ("DELETE", "/sign-in", 405, "Hier nicht möglich", "So lässt sich diese Seite nicht aufrufen."),
    ],
)
async def test_errors_are_said_in_german(
    desk: Desk, method: str, path: str, status: int, headline: str, words: str
) -> None:
    async with _browser(desk) as browser:
        answer = await browser.request(method, path, headers=GERMAN)
    assert answer.status_code == status
    assert f"<h1>{headline}</h1>" in answer.text
    assert words in answer.text
    assert 'lang="de"' in answer.text


async def test_the_sign_in_is_german_for_a_german_browser_only(desk: Desk) -> None:
    async with _browser(desk) as browser:
        german = await browser.get("/sign-in", headers=GERMAN)
        other = await browser.get("/sign-in", headers={"accept-language": "fr-FR,fr;q=0.9"})
    assert "Anmelden" in german.text
    assert 'lang="en"' in other.text
    assert "Sign in" in other.text


def _browser(desk: Desk) -> httpx.AsyncClient:
    app = make_app(Site(desk=desk, public_url="http://test"))
    return httpx.AsyncClient(transport=ASGITransport(app=app), base_url="http://test")

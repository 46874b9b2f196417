"""Every macro of the design system on sample data, to look at and to check.

`python tests/webui/kitchen_sink.py` serves it on port 8099;
`python tests/webui/kitchen_sink.py shots FOLDER [PAGE …]` photographs the pages in both themes at three
widths, runs axe on each, and ends with 1 when there is a violation or a message in the console.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
import uvicorn
from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from sse_starlette import EventSourceResponse

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
PORT = 8099
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
PAGES = ("queue", "ticket", "components", "forms", "signin", "mine")
WIDTHS = (1440, 1024, 360)


def environment() -> Environment:
    """The templates as the pages see them, with English words."""
    folders = [ROOT / "webui" / "templates", Path(__file__).parent / "kitchen"]
    env = Environment(loader=FileSystemLoader(folders), autoescape=True)
    env.globals.update(
        _=lambda text: text,
        ngettext=lambda one, many, n: one if n == 1 else many,
        static=lambda path: f"/static/{path}",
    )
    return env


class Thing(SimpleNamespace):
    """A sample value; what it does not have is None, as in a real value's optional fields."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def person(name: str, **more: Any) -> Thing:
    return Thing(id=hashlib.sha1(name.encode()).hexdigest(), name=name, **more)


NOW = datetime.now(UTC)
ADA, SAM, MIRA, JONAS = (
    person("Ada Okafor"),
    person("Sam Weller"),
    person("Mira Lindqvist"),
    person("Jonas Brandt"),
)
BOT = person("Deskbell")
SUBJECTS = [
    (
        "Invoice shows the wrong VAT rate for our Austrian branch",
        "Hello, since last month the invoices say 19 % instead of",
        "urgent",
        "open",
        "billing",
        ["vip", "vat"],
    ),
    (
        "Cannot sign in after changing my phone",
        "The code is never accepted, I tried both apps",
        "high",
        "in_progress",
        "access",
        ["2fa"],
    ),
    (
        "Export to CSV stops at 10,000 rows",
        "We need the whole year for our auditor until Friday",
        "normal",
        "waiting",
        "product",
        [],
    ),
    (
        "Drucker im 3. OG druckt nur noch leere Seiten",
        "Seit heute früh, Toner ist neu",
        "normal",
        "open",
        "office",
        ["hardware"],
    ),
    ("How do I add a colleague?", "I only see an upgrade button", "low", "resolved", "product", []),
    (
        "Webhook deliveries arrive twice",
        "Same id, two seconds apart, only on production",
        "high",
        "in_progress",
        "product",
        ["api", "webhooks"],
    ),
    (
        "Refund for the duplicate payment of March",
        "Thanks for looking into this so quickly!",
        "normal",
        "closed",
        "billing",
        [],
    ),
]
NAMES = [
    "Ada Okafor",
    "Theo Marchetti",
    "Lena Vogt",
    "Priya Raman",
    "Oskar Nyman",
    "Inés Duarte",
    "Bartholomew Featherstonehaugh",
]


def tickets(n: int = 25) -> list[Thing]:
    """A queue as one meets it: new and old, late and quiet."""
    rows = []
    for i in range(n):
        subject, snippet, priority, status, team, tags = SUBJECTS[i % len(SUBJECTS)]
        due = NOW + timedelta(minutes=(i - 2) * 47) if i % 3 != 2 else None
        rows.append(
            Thing(
                id=str(i),
                number=1482 - i * 3,
                url="/ticket",
                subject=subject,
                snippet=snippet,
                priority=priority,
                status=status,
                requester=person(NAMES[(i * 3) % len(NAMES)]),
                assignee=(None, SAM, MIRA)[i % 3],
                team=Thing(name=team.title()),
                tags=tags,
                due_at=due,
                due_state="late" if due and due < NOW else "soon" if i < 4 else None,
                unread=i in (0, 1, 4),
                updated_at=NOW - timedelta(minutes=7 * i * i + 1),
                created_at=NOW - timedelta(hours=i + 2),
            )
        )
    return rows


def columns() -> list[Thing]:
    keys = {
        "priority": "Priority",
        "number": "No.",
        "subject": "Subject",
        "requester": "Requester",
        "status": "Status",
        "assignee": "Assignee",
        "team": "Team",
        "due": "Due",
        "updated": "Updated",
    }
    return [
        Thing(
            key=key,
            text=text,
            sort_url=None if key == "team" else f"?sort={key}",
            sorted="descending" if key == "updated" else None,
        )
        for key, text in keys.items()
    ]


def message(number: int, kind: str, author: Thing, html: str, minutes: float, **more: Any) -> Thing:
    menu = Thing(
        edit_url="/ticket",
        delete_url="/act",
        quote=True,
        link_url="http://localhost/ticket",
        split_url="/ticket",
        hide_url="/act",
    )
    return Thing(
        id=f"m{number}",
        kind=kind,
        author=author,
        html=Markup(html),
        at=NOW - timedelta(minutes=minutes),
        menu=menu,
        reacts_url="/act",
        **more,
    )


def conversation() -> dict[str, Thing]:
    files = [
        Thing(name="invoice-2291.png", url="/static/img/bell.svg", thumb_url="/static/img/bell.svg"),
        Thing(name="Rechnung März 2026 (Kopie).pdf", url="/static/img/bell.svg", size_text="PDF, 182 KB"),
    ]
    return {
        "first": message(
            1,
            "requester",
            ADA,
            "<p>Hello, since last month the invoices for our branch in <strong>Graz</strong> say 19 % VAT instead of 20 %. Our accountant refuses them. Could you correct invoice <code>2291</code> and make sure the next one is right?</p>",
            190,
            via="in Slack, #help-billing",
            attachments=files,
        ),
        "bot": message(
            2,
            "bot",
            BOT,
            "<p>Thanks, Ada. Your ticket is #1482. Does <a href='/ticket'>Change the VAT rate of a branch</a> help in the meantime?</p>",
            189,
        ),
        "note": message(
            3,
            "note",
            MIRA,
            "<p><span class='mention'>@Sam</span> the branch was created <em>before</em> the country field existed, see the admin log. I fixed the rate, but the <strong>old invoice needs a credit note</strong>. Please do not promise a date.</p>",
            44,
            reactions=[Thing(emoji="👍", n=2, mine=True, names="Sam, Jonas")],
        ),
        "reply": message(
            4,
            "agent",
            SAM,
            "<p>Hi Ada, you are right, and I am sorry. The rate of the Graz branch is corrected; the next invoice will say 20 %. For 2291 I will send you:</p><ul><li>a credit note over the whole amount</li><li>a new invoice with the right rate</li></ul>",
            38,
            edited=True,
            state="seen",
            state_text="Seen by Ada",
            reactions=[Thing(emoji="🎉", n=1, names="Ada")],
        ),
        "again": message(5, "requester", ADA, "<p>Perfect, thank you!</p>", 21, via="in Slack"),
        "failed": message(
            6,
            "agent",
            SAM,
            "<p>Here is the credit note.</p>",
            12,
            state="failed",
            state_text="Not delivered: Slack says the channel is archived",
            attachments=files[1:],
        ),
        "gone": message(7, "requester", ADA, "", 9, deleted=True),
        "held": message(
            8,
            "agent",
            SAM,
            "<p>One more thing: may we close this ticket once the new invoice has reached you?</p>",
            0,
            held=Thing(url="/takeback", until=NOW + timedelta(days=1), seconds=90000),
        ),
    }


def base(request: Request) -> dict[str, Any]:
    """What both layouts need."""

    def item(text: str, icon: str, count: int | None = None, url: str = "/components", **more: Any) -> Thing:
        return Thing(text=text, icon=icon, count=count, url=url, **more)

    sections = [
        Thing(
            title=None,
            items=[
                item("Mine", "inbox", 7, loud=True),
                item("Unassigned", "bell", 4, url="/queue", current=True),
                item("My teams", "users", 31),
                item("Waiting", "hourglass", 12),
                item("Snoozed", "moon", 3),
                item("All tickets", "list"),
            ],
        ),
        Thing(
            title="Teams",
            items=[
                item("Billing", "", mark="Bi", count=9),
                item("Access", "", mark="Ac", count=2),
                item("Product", "", mark="Pr", count=18),
            ],
        ),
        Thing(
            title="Saved views",
            items=[item("VIP, due today", "bookmark", 5), item("German, unassigned", "bookmark", 1)],
        ),
        Thing(title="Admin", items=[item("Reports", "chart"), item("Settings", "settings")]),
    ]
    urls = dict.fromkeys(
        ("profile", "security", "availability", "theme", "sign_out", "notices", "mine"), "/act"
    )
    urls |= {
        "bell": "/fragments/bell",
        "nav": "/fragments/nav",
        "palette": "/palette.json",
        "search": "/queue",
        "ticket": "/ticket?number={number}",
    }
    return {
        "desk": Thing(name="Northlight Support", home_url="/queue"),
        "me": person("Sam Weller", role_text="Agent, Billing", state="here"),
        "csrf": "token",
        "urls": urls,
        "kind": request.query_params.get("kind", "reply"),
        "nav": Thing(home_url="/queue", new_url="/forms", sections=sections),
        "unread": 3,
        "theme": request.query_params.get("theme", "auto"),
        "live_url": "/events",
        "now": NOW,
        "hours": lambda n: NOW - timedelta(hours=n),
        "ADA": ADA,
        "SAM": SAM,
        "MIRA": MIRA,
        "JONAS": JONAS,
        "BOT": BOT,
        "tickets": tickets(),
        "columns": columns(),
        "talk": conversation(),
        "Thing": Thing,
        "all_icons": None,
    }


def app() -> FastAPI:
    """The pages, and stubs of what the scripts call."""
    site = FastAPI(openapi_url=None)
    site.mount("/static", StaticFiles(directory=ROOT / "webui" / "static"))
    env = environment()

    @site.middleware("http")
    async def policy(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @site.get("/events")
    async def events() -> EventSourceResponse:
        async def quiet() -> AsyncIterator[dict[str, str]]:
            yield {"event": "changed", "data": '{"topics": ["notices", "queue:1", "ticket:1482"]}'}
            while True:
                await asyncio.sleep(5)
                yield {"event": "changed", "data": "nothing"}

        return EventSourceResponse(quiet(), headers={"Cache-Control": "no-store"})

    @site.get("/palette.json")
    async def palette() -> list[dict[str, Any]]:
        return [
            {"title": "Claim this ticket", "hint": "#1482", "url": "/act", "method": "post", "keys": "c"},
            {"title": "Resolve", "hint": "#1482", "url": "/act", "method": "post", "keys": "e"},
            {"title": "Unassigned", "hint": "Queue", "url": "/queue"},
            {"title": "Mine", "hint": "Queue", "url": "/queue"},
            {"title": "New ticket", "url": "/forms"},
            {"title": "Settings", "hint": "Admin", "url": "/forms"},
        ]

    @site.get("/fragments/bell", response_class=HTMLResponse)
    async def bell() -> str:
        return env.from_string('{% from "parts/nav.html" import bell %}{{ bell(4, "/act") }}').render()

    @site.get("/fragments/nav", response_class=HTMLResponse)
    async def nav(request: Request) -> str:
        return env.from_string(
            '{% from "parts/nav.html" import nav_sections %}{{ nav_sections(nav.sections) }}'
        ).render(base(request))

    @site.get("/fragments/{name}", response_class=HTMLResponse)
    async def fragment(name: str, request: Request) -> str:
        return env.get_template(f"{name}.html").render(base(request))

    @site.get("/mentions.json")
    async def mentions(q: str) -> list[dict[str, str]]:
        return [
            {"name": name, "handle": name.split()[0]}
            for name in ("Mira Lindqvist", "Mika Aalto", "Jonas Brandt")
            if q.lower() in name.lower()
        ]

    @site.post("/upload")
    async def upload(file: UploadFile) -> JSONResponse:
        return JSONResponse({"id": f"up-{file.filename}", "size": len(await file.read())})

    @site.post("/preview", response_class=HTMLResponse)
    async def preview(request: Request) -> str:
        return str(Markup("<p>{}</p>").format(str((await request.form())["body"])))

    @site.post("/takeback")
    async def takeback() -> dict[str, str]:
        return {"body": "One more thing: may we close this ticket?"}

    @site.post("/act")
    async def act(request: Request) -> Response:
        if request.headers.get("X-Fragment"):
            return Response(status_code=204)
        return RedirectResponse(request.headers.get("referer", "/queue"), 303)

    @site.get("/{page}", response_class=HTMLResponse)
    async def show(page: str, request: Request) -> Response:
        if page not in PAGES:
            return Response(status_code=404)
        return HTMLResponse(env.get_template(f"{page}.html").render(base(request)))

    return site


@contextmanager
def serving() -> Iterator[str]:
    """The app on its port for the length of the block."""
    server = uvicorn.Server(uvicorn.Config(app(), port=PORT, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{PORT}"
    finally:
        server.should_exit = True
        thread.join(5)


def shots(folder: Path, pages: tuple[str, ...]) -> int:
    """Photograph and check; returns the number of complaints."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    with serving() as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=flags)
        for theme, width, page in product(("light", "dark"), WIDTHS, pages):
            tab = browser.new_page(
                viewport={"width": width, "height": 780 if width == 360 else 900}, color_scheme=theme
            )
            complaints += [
                f"{page}-{width}-{theme}: {words}"
                for words in look(tab, f"{address}/{page}", folder / f"{page}-{width}-{theme}.png")
            ]
            tab.close()
        tab = browser.new_page()
        tab.goto(f"{address}/queue")
        complaints += contrasts(tab)
        browser.close()
    for complaint in dict.fromkeys(complaints):
        click.echo(complaint)
    click.echo(f"{len(pages) * 6} pictures in {folder}, {len(complaints)} complaints")
    return len(complaints)


def chromium() -> str | None:
    """The browser of this machine; None lets Playwright take its own."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


def look(tab: Page, address: str, picture: Path) -> list[str]:
    """One page: what the console said, whether it is too wide, what axe found. axe itself logs, so it comes last."""
    from axe_playwright_python.sync_playwright import Axe

    heard: list[str] = []
    tab.on(
        "console",
        lambda entry: heard.append(f"console: {entry.text}") if entry.type in ("error", "warning") else None,
    )
    tab.on("pageerror", lambda error: heard.append(f"page: {error}"))
    tab.goto(address)
    tab.wait_for_selector("html[data-ready]")
    tab.wait_for_timeout(350)
    tab.screenshot(path=picture)
    found = list(heard)
    over = tab.evaluate("document.documentElement.scrollWidth - innerWidth")
    if over > 0:
        found.append(f"{over} px wider than the window")
    result = Axe().run(
        tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    for violation in result.response["violations"]:
        reasons = {node.get("failureSummary", "").splitlines()[-1].strip() for node in violation["nodes"]}
        found.append(
            f"{violation['id']}: {[node['target'] for node in violation['nodes']][:6]} {list(reasons)[:2]}"
        )
    return found


PAIRS = [
    *((text, paper, 4.5) for text in ("ink", "ink-2", "ink-3") for paper in ("canvas", "surface", "raised", "sunk")),
    *(("accent-ink", paper, 4.5) for paper in ("canvas", "surface", "raised", "accent-tint", "accent-tint-2")),
    *((text, "accent-tint", 4.5) for text in ("ink", "ink-2")),
    ("on-accent", "accent-fill", 4.5), ("on-accent", "accent-fill-hover", 4.5), ("on-accent", "bad-fill", 4.5),
    ("on-accent", "note-fill", 4.5), ("on-brass", "brass", 4.5), ("bad-ink", "surface", 4.5), ("bad-ink", "bad-tint", 4.5),
    ("warn-ink", "surface", 4.5), ("good-ink", "surface", 4.5), ("note-ink", "note-paper", 4.5), ("note-ink", "note-paper-2", 4.5),
    ("ink", "note-paper", 4.5), ("ink-3", "note-paper", 4.5), ("line-field", "raised", 3), ("line-field", "surface", 3),
    ("note-edge", "surface", 1.8), ("accent-fill", "surface", 3),
]  # fmt: skip
ACCENTS = ("#0c7a6d", "#ffd400", "#ff2d55", "#1e3a8a", "#8a5cf6", "#00ff66", "#ffffff", "#000000")
MEASURE = """([pairs, accent, theme]) => {
  const root = document.documentElement, probe = document.body.appendChild(document.createElement('i'));
  root.style.setProperty('--accent', accent); root.dataset.theme = theme;
  const pen = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const light = (name) => { probe.style.color = `var(--${name})`; pen.fillStyle = getComputedStyle(probe).color; pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const found = pairs.map(([a, b]) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); });
  probe.remove(); return found; }"""


def contrasts(tab: Page) -> list[str]:
    """The token pairs that stand on each other, in both themes, for any colour a desk may choose."""
    found = []
    for accent, theme in product(ACCENTS, ("light", "dark")):
        ratios = tab.evaluate(MEASURE, [PAIRS, accent, theme])
        found += [
            f"{accent} {theme}: {a} on {b} {ratio:.2f}"
            for (a, b, least), ratio in zip(PAIRS, ratios, strict=True)
            if ratio < least
        ]
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["shots"]:
        sys.exit(1 if shots(Path(sys.argv[2]), tuple(sys.argv[3:]) or PAGES) else 0)
    uvicorn.run(app(), port=PORT)

"""The bytes of the demo's files: small drawn pictures, invoices, tables and logs.

Each is a real file of its kind, made anew from its name and a number, the same for the same.
"""

from __future__ import annotations

import io
import math
import random
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from bot.demo.texts import File

_SIZE = (880, 660)
_SCREEN = (520, 900)
_SKIN = ["#b8c4cc", "#d9d2c5", "#c9d6c3", "#c3cbd9"]
_FRAMES = ["#2f5d50", "#7a2e2e", "#2b3f66", "#3a3a3a", "#b06a1f"]
_DISPLAY = ("display", "e21", "error", "licht")
_SHOT = (
    "screenshot",
    "bildschirm",
    "page",
    "details",
    "statement",
    "sms",
    "kalender",
    "login",
    "qr",
    "vorschau",
)
_LINES_A_PAGE = 44


@lru_cache(maxsize=512)
def content(file: File, variant: int = 0) -> bytes:
    """What the file holds; `variant` makes another one of the same kind."""
    rng = random.Random(f"{file.name}/{variant}")
    if file.kind == "image":
        return _picture(file.name.lower(), rng)
    if file.kind == "pdf":
        return pdf(_document(file.name, rng))
    if file.name.endswith(".csv"):
        return _table(rng).encode()
    return _log(rng).encode()


def pdf(lines: list[str]) -> bytes:
    """A document of text lines, an A4 page for every 44 of them (PDF 1.4, ISO 32000-1, 7.5)."""
    pages = [lines[at : at + _LINES_A_PAGE] for at in range(0, len(lines), _LINES_A_PAGE)] or [[]]
    first = 4
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for at, page in enumerate(pages):
        stream = _page(page)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            + f"/Contents {first + 2 * at + 1} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _page(lines: list[str]) -> bytes:
    shown = b"".join(b"(" + _escaped(line) + b") Tj T*\n" for line in lines)
    return b"BT\n/F1 11 Tf\n16 TL\n64 778 Td\n" + shown + b"ET"


def _escaped(line: str) -> bytes:
    plain = line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return plain.encode("cp1252", "replace")


def _document(name: str, rng: random.Random) -> list[str]:
    title = name.rpartition(".")[0].replace("_", " ").capitalize()
    items = rng.sample(_ARTICLES, 3)
    prices = [rng.randrange(900, 24_900) / 100 for _item in items]
    total = sum(prices)
    return [
        "Nordlicht Cycles GmbH",
        "Speicherstraße 14, 20457 Hamburg",
        "",
        title,
        f"No. {rng.randrange(100_000, 999_999)}   Customer {rng.randrange(10_000, 99_999)}",
        "",
        *(
            f"{at}.  {item}    {price:.2f} EUR"
            for at, (item, price) in enumerate(zip(items, prices, strict=True), 1)
        ),
        "",
        f"Net {total / 1.19:.2f} EUR   VAT 19 % {total - total / 1.19:.2f} EUR",
        f"Total {total:.2f} EUR",
        "",
        "Payable within 14 days. Thank you for riding with us.",
    ]


_ARTICLES = [
    "Brake pads, resin, pair", "Battery lock, keyed alike", "Rear rack, 25 kg", "Chain, 11-speed", "Display holder",
    "Charger 4 A", "Inspection, large", "Kickstand", "Tyre 28 x 1.75", "Flex subscription, one month", "Front light 80 lx",
]  # fmt: skip


def _table(rng: random.Random) -> str:
    rows = [
        f"NL-{rng.randrange(10_000, 99_999)},{rng.choice('ABC')}{rng.randrange(1, 40)},"
        f"{rng.randrange(200, 9_000)},{rng.randrange(71, 100)}"
        for _row in range(14)
    ]
    return "serial,stand,km,battery_health\n" + "\n".join(rows) + "\n"


def _log(rng: random.Random) -> str:
    seconds, lines = rng.randrange(30_000), []
    for _line in range(40):
        seconds += rng.randrange(1, 90)
        stamp = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        volts, amps, degrees = rng.uniform(34.1, 41.9), rng.uniform(-2, 14), rng.randrange(2, 31)
        lines.append(f"{stamp} bms cell={rng.randrange(10)} {volts:.2f}V {amps:+.1f}A {degrees}C ok")
    lines[rng.randrange(20, 40)] = f"{stamp} bms WARN imbalance {rng.randrange(80, 240)}mV"
    return "\n".join(lines) + "\n"


def _picture(name: str, rng: random.Random) -> bytes:
    if any(word in name for word in _SHOT):
        image = _screen(rng)
    elif any(word in name for word in _DISPLAY):
        image = _error_code(rng)
    else:
        image = _frame(rng)
    out = io.BytesIO()
    if name.endswith(".png"):
        image.save(out, "PNG", compress_level=3)
    else:
        image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _error_code(rng: random.Random) -> Image.Image:
    """A handlebar display that shows what is wrong."""
    image = _ground(rng)
    draw = ImageDraw.Draw(image)
    draw.line([(0, 470), (880, 430)], fill="#1d1f21", width=64)
    draw.rounded_rectangle((230, 120, 650, 560), 46, fill="#14171a", outline="#3b4148", width=6)
    draw.rounded_rectangle((270, 165, 610, 500), 22, fill="#0d2b2a")
    draw.text((300, 190), "NORDLICHT", font=_font(26), fill="#5fa8a0")
    draw.text((300, 262), rng.choice(["E21", "E14", "E07", "E33"]), font=_font(130), fill="#ff6a4d")
    draw.text((300, 436), f"{rng.randrange(20, 99)} %    0.0 km/h", font=_font(32), fill="#cfe8e4")
    return image


def _frame(rng: random.Random) -> Image.Image:
    """A bike's frame from near, with a scratch."""
    image = _ground(rng)
    draw = ImageDraw.Draw(image)
    colour = rng.choice(_FRAMES)
    for x in (170, 700):
        draw.ellipse((x - 190, 300, x + 190, 680), outline="#202225", width=16)
        for spoke in range(12):
            angle = spoke * math.pi / 6
            end = (x + 176 * math.cos(angle), 490 + 176 * math.sin(angle))
            draw.line([(x, 490), end], fill="#7d8790", width=2)
    for line in ([(170, 490), (330, 200)], [(330, 200), (640, 190)], [(640, 190), (430, 500)], [(330, 200), (430, 500)],
                 [(640, 190), (700, 490)], [(430, 500), (170, 490)]):  # fmt: skip
        draw.line(line, fill=colour, width=30)
    x, y = rng.randrange(400, 580), rng.randrange(185, 260)
    points = [(x + step * 9, y + rng.randrange(-7, 8)) for step in range(9)]
    draw.line(points, fill="#eceff1", width=5)
    draw.ellipse((x - 26, y - 44, x + 110, y + 44), outline="#e0342b", width=5)
    return image


def _screen(rng: random.Random) -> Image.Image:
    """The app, with cards whose lines stand for text."""
    image = Image.new("RGB", _SCREEN, "#f3f5f6")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 520, 96), fill="#12463f")
    draw.text((28, 34), "Nordlicht", font=_font(30), fill="#ffffff")
    for card in range(4):
        top = 124 + card * 184
        draw.rounded_rectangle((24, top, 496, top + 160), 18, fill="#ffffff", outline="#d5dbdf")
        for row in range(3):
            width = rng.randrange(120, 400)
            draw.rounded_rectangle(
                (48, top + 26 + row * 42, 48 + width, top + 44 + row * 42), 8, fill="#c8d0d5"
            )
    top = 124 + rng.randrange(4) * 184
    draw.rounded_rectangle((24, top, 496, top + 160), 18, outline="#d64536", width=4)
    draw.text(
        (48, top + 96),
        f"{rng.randrange(400, 600)}  {rng.randrange(10, 100)} %",
        font=_font(34),
        fill="#d64536",
    )
    return image


def _ground(rng: random.Random) -> Image.Image:
    image = Image.new("RGB", _SIZE, rng.choice(_SKIN))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 540, 880, 660), fill="#8d9296")
    for _spot in range(60):
        x, y = rng.randrange(880), rng.randrange(540, 660)
        draw.ellipse((x, y, x + 6, y + 3), fill="#7d8286")
    return image


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)

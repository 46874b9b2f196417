"""Small pictures: right way up, without the original's secrets, and never an exception."""

from __future__ import annotations

import asyncio
import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from core.files.thumbs import MOST_PIXELS, make_thumb


def saved(image: Image.Image, format: str, **how: Any) -> bytes:
    out = BytesIO()
    image.save(out, format, **how)
    return out.getvalue()


def flag(size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Red on the left half, blue on the right."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    return image


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(9)))
        + chunk(b"IEND", b"")
    )


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data), formats=["WEBP"])
    image.load()
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_picture_fits_into_the_box(format: str) -> None:
    thumb = await make_thumb(saved(flag(), format))
    assert thumb is not None
    assert (thumb.width, thumb.height) == (900, 600)
    small = opened(thumb.data)
    assert small.size == (480, 320)
    red, _green, blue = small.convert("RGB").getpixel((20, 160))  # type: ignore[misc]
    assert red > 200 > 60 > blue


async def test_a_small_picture_is_not_made_larger() -> None:
    thumb = await make_thumb(saved(flag((40, 20)), "PNG"), box=(100, 100))
    assert thumb is not None
    assert opened(thumb.data).size == (40, 20)


async def test_it_is_turned_as_the_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    thumb = await make_thumb(saved(flag(), "JPEG", exif=exif), box=(480, 240))
    assert thumb is not None
    assert (thumb.width, thumb.height) == (600, 900)
    small = opened(thumb.data)
    assert small.size == (160, 240)
    red, _green, blue = small.convert("RGB").getpixel((80, 20))  # type: ignore[misc]
    assert red > 200 > 60 > blue


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
async def test_nothing_of_the_original_rides_along(format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    how: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    if format != "PNG":
        how["xmp"] = b"<x:xmpmeta>Secret words</x:xmpmeta>"
    data = saved(flag(), format, **how)
    assert b"Secret" in data
    thumb = await make_thumb(data)
    assert thumb is not None
    assert not any(word in thumb.data for word in (b"Secret", b"EXIF", b"ICCP", b"XMP "))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
async def test_every_way_to_store_colours_is_understood(mode: str) -> None:
    format = "JPEG" if mode == "CMYK" else "PNG"
    assert await make_thumb(saved(Image.new(mode, (900, 600)), format)) is not None


async def test_transparent_stays_transparent_and_grey_stays_grey() -> None:
    clear = await make_thumb(saved(Image.new("RGBA", (900, 600), (255, 0, 0, 0)), "PNG"))
    deep = await make_thumb(saved(Image.new("I;16", (900, 600), 0x8000), "PNG"))
    assert clear is not None
    assert deep is not None
    assert opened(clear.data).convert("RGBA").getpixel((9, 9))[3] == 0  # type: ignore[index]
    assert abs(opened(deep.data).convert("L").getpixel((9, 9)) - 128) < 4  # type: ignore[operator]


async def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    thumb = await make_thumb(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert thumb is not None
    assert opened(thumb.data).convert("RGB").getpixel((9, 9))[0] > 200  # type: ignore[index]


@pytest.mark.parametrize(
    "size", [(60_000, 60_000), (12_000, 12_000), (MOST_PIXELS // 1_000 + 1, 1_000), (0, 5)]
)
async def test_a_bomb_is_not_decoded(size: tuple[int, int]) -> None:
    assert await make_thumb(bomb(*size)) is None


async def test_a_true_picture_with_too_many_pixels_is_not_decoded() -> None:
    side = int(MOST_PIXELS**0.5) + 1
    data = saved(Image.new("1", (side, side)), "PNG")
    assert len(data) < 100_000
    assert await make_thumb(data) is None


@pytest.mark.parametrize("data", [b"", b"<html>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(1_000)])
async def test_what_is_no_picture_gives_none(data: bytes) -> None:
    assert await make_thumb(data) is None


async def test_formats_beyond_the_four_are_not_decoded() -> None:
    for format in ("BMP", "TIFF", "PPM"):
        assert await make_thumb(saved(flag(), format)) is None


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]),
    st.integers(0),
    st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=6),
)
async def test_no_damage_raises(format: str, cut: int, changes: list[tuple[int, int]]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    how = {} if format == "GIF" else {"exif": exif}
    data = bytearray(saved(flag((60, 40)), format, **how))
    for place, value in changes:
        data[place % len(data)] = value
    await make_thumb(bytes(data[: cut % (len(data) + 1)]))
    await make_thumb(bytes(data))


async def test_many_at_once() -> None:
    data = saved(flag(), "JPEG")
    assert None not in await asyncio.gather(*(make_thumb(data) for _ in range(8)))

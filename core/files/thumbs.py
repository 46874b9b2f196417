"""Small pictures of images people send, made anew so that nothing of the original rides along."""

from __future__ import annotations

import asyncio
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image, ImageOps

MOST_PIXELS = 50_000_000
"""A larger image is not decoded: as many pixels take 200 MB."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_TURNED = range(5, 9)  # EXIF orientations that swap width and height
_THREADS = ThreadPoolExecutor(1, thread_name_prefix="thumbs")  # one at a time bounds the memory

# What Pillow raises for files that are cut, changed or made to harm; it has no base class for them.
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, TypeError, AttributeError,
    AssertionError, RuntimeError, MemoryError, struct.error, zlib.error,
    Image.DecompressionBombError, Warning,  # some of its warnings, where they are made errors
)  # fmt: skip


@dataclass(frozen=True)
class Thumb:
    """A WebP picture without metadata, and the size in pixels of the original as it is seen."""

    data: bytes
    width: int
    height: int


async def make_thumb(data: bytes, box: tuple[int, int] = (480, 480)) -> Thumb | None:
    """A small picture that fits into `box`; None for what is no image, broken or too large.

    Animations give their first frame. Images smaller than the box keep their size.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _make, data, box)


def _make(data: bytes, box: tuple[int, int]) -> Thumb | None:
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNED
            size = image.size[::-1] if turned else image.size
            return Thumb(_small(image, box[::-1] if turned else box), *size)
    except _BROKEN:
        return None


def _small(image: Image.Image, box: tuple[int, int]) -> bytes:
    # A JPEG is decoded at a fraction of its size when it is shrunk before anything else.
    small = image if image.format == "JPEG" else _in_colour(image)
    small.thumbnail(box)
    small = _in_colour(ImageOps.exif_transpose(small))
    out = BytesIO()
    small.save(out, "WEBP", quality=80)  # writes no EXIF, XMP or profile that it is not handed
    return out.getvalue()


def _in_colour(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey: convert() would cut them off, not scale
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)

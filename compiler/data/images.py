"""Images as people have them, decoded to 8 bits a pixel with the maps that a network wants."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from compiler.data.errors import DataError, reading

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".avif", ".tif", ".tiff",
     ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".tga", ".ico")
)  # fmt: skip
"""What a file of a data folder may end with, in small letters."""
_MODES = {1: "L", 3: "RGB"}
MAPS = frozenset(_MODES)
"""How many maps an image file may become."""
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)
"""the entry of EXIF that says how an image is turned, and its values for a quarter turn"""
_WIDE = ("I;16", "I;16L", "I;16B", "I;16N")
_SEE_THROUGH = ("RGBA", "RGBa", "LA", "La", "PA")


@contextmanager
def quietly() -> Iterator[None]:
    """Leave out what Pillow warns of: files that matter are errors here, and slips in metadata do not."""
    with warnings.catch_warnings():
        silence()
        yield


def silence() -> None:
    """The same for the rest of a process."""
    warnings.filterwarnings("ignore", module="PIL")


def decode(path: Path, maps: int) -> Tensor:
    """The image of a file as (maps, height, width), 8 bits: turned as its EXIF says, 1 map grey, 3 red-green-blue.

    What is transparent shows white; 16 bits become 8; of several pictures in a file the first is taken.
    """
    with reading(path):
        content = path.read_bytes()
    return decode_bytes(content, maps, str(path))


def decode_bytes(content: bytes, maps: int, place: str) -> Tensor:
    """The same for what a file holds; `place` is what errors call it."""
    with _decoding(content, place) as image:
        return pixels(image, maps)


@contextmanager
def _decoding(content: bytes, place: str) -> Iterator[Image.Image]:
    if not content:
        raise DataError("E722", "an empty file", place, "remove it, or get it again")
    try:
        with Image.open(io.BytesIO(content)) as image:
            yield image
    except UnidentifiedImageError as error:
        raise DataError("E722", "no image, whatever its name says", place, "remove it, or convert it") from error
    except Image.DecompressionBombError as error:
        raise DataError("E722", f"too many pixels: {error}", place, "make it smaller") from error
    except _UnknownRangeError as error:
        raise DataError("E722", str(error), place, "convert it to 8 bits, as you want it to look") from error
    except (OSError, SyntaxError, ValueError, IndexError, EOFError, struct.error, OverflowError, MemoryError) as error:
        cause = str(error) or type(error).__name__
        raise DataError("E722", f"a damaged image: {cause}", place, "remove it, or get it again") from error


def size_of(path: Path) -> tuple[int, int]:
    """The height and width of the image of a file, turned as its EXIF says; nothing of it is decoded."""
    with reading(path):
        content = path.read_bytes()
    return size_of_bytes(content, str(path))


def size_of_bytes(content: bytes, place: str) -> tuple[int, int]:
    """The same for what a file holds."""
    with _decoding(content, place) as image:
        turned = False
        with suppress(OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError, struct.error):
            turned = image.getexif().get(_ORIENTATION) in _ON_ITS_SIDE
        return (image.width, image.height) if turned else (image.height, image.width)


class _UnknownRangeError(Exception):
    """An image of which nobody can say what is white."""


def pixels(image: Image.Image, maps: int) -> Tensor:
    """A decoded image as (maps, height, width), 8 bits."""
    image.load()
    with suppress(OSError, SyntaxError, ValueError, KeyError, TypeError, IndexError, struct.error):
        # where its EXIF can't be read, it says nothing of a rotation
        ImageOps.exif_transpose(image, in_place=True)
    rows = torch.from_numpy(np.array(_converted(image, _MODES[maps])))
    return rows.unsqueeze(0) if maps == 1 else rows.permute(2, 0, 1)


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode in _WIDE or (image.mode == "I" and image.format == "PNG"):
        wide = np.asarray(image).astype(np.uint32)
        image = Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise _UnknownRangeError("pixels of 32 bits, of which nothing says how bright the brightest is")
    if image.mode in _SEE_THROUGH or "transparency" in image.info:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image if image.mode == mode else image.convert(mode)

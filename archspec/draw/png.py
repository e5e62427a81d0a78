"""A scene as PNG: its PDF, drawn by PDFium, which comes as a wheel and needs nothing else."""

from __future__ import annotations

import struct
import zlib
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from archspec.draw.mark import mark_of
from archspec.draw.palette import Theme
from archspec.draw.pdf import pdf
from archspec.draw.scene import Scene

_DPI = 300
_LARGEST = 60_000_000
"""pixels; a picture that would have more gets fewer to the inch"""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class NoRenderer(Exception):
    """PDFium is not installed."""


def png(scene: Scene, theme: Theme = "auto") -> bytes:
    """The picture as the bytes of a PNG file; `NoRenderer` where pypdfium2 is not installed."""
    if find_spec("pypdfium2") is None:
        raise NoRenderer
    document: Any = import_module("pypdfium2").PdfDocument(pdf(scene, theme))
    page = document[0]
    wide, high = page.get_size()
    scale = _DPI / 72 * scene.width / wide
    scale *= min(1.0, (_LARGEST / (wide * high * scale * scale)) ** 0.5)
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=True)
    columns, rows, stride = bitmap.width, bitmap.height, bitmap.stride
    pixels = bytes(bitmap.buffer)
    bitmap.close()
    page.close()
    document.close()
    return _encoded(pixels, columns, rows, stride, scale * wide / scene.width)


def _encoded(pixels: bytes, columns: int, rows: int, stride: int, scale: float) -> bytes:
    """Rows of red, green, blue and nothing as a file."""
    packed = bytearray(rows * (1 + 3 * columns))
    for row in range(rows):
        line = pixels[row * stride : row * stride + 4 * columns]
        start = row * (1 + 3 * columns) + 1
        for channel in range(3):
            packed[start + channel : start + 3 * columns : 3] = line[channel::4]
    per_metre = round(scale * 72 / 0.0254)
    data = _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0))
    data += _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    return with_mark(data + _chunk(b"IDAT", zlib.compress(bytes(packed), 9)) + _chunk(b"IEND", b""))


def with_mark(data: bytes) -> bytes:
    """A PNG file with its mark as a text behind the header, which has 33 bytes."""
    return data[:33] + _chunk(b"tEXt", b"Software\x00" + mark_of(data)) + data[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

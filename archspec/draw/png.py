"""A scene as PNG: its PDF, drawn by PDFium, which comes as a wheel and needs nothing else."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from archspec.draw.palette import Theme
from archspec.draw.pdf import pdf
from archspec.draw.png_file import encoded_wide
from archspec.draw.scene import Scene

_DPI = 300
_LARGEST = 60_000_000
"""pixels; a picture that would have more gets fewer to the inch"""


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
    bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=True, no_smoothimage=True)
    columns, rows, stride = bitmap.width, bitmap.height, bitmap.stride
    pixels = bytes(bitmap.buffer)
    bitmap.close()
    page.close()
    document.close()
    return encoded_wide(pixels, columns, rows, stride, round(scale * wide / scene.width * 72 / 0.0254))

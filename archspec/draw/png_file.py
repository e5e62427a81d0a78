"""The bytes of PNG files: pixels in, chunks out."""

from __future__ import annotations

import struct
import zlib

from archspec.draw.mark import mark_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encoded(pixels: bytes, columns: int, rows: int) -> bytes:
    """Red, green and blue of each pixel, row by row, as the bytes of a PNG file."""
    stride = 3 * columns
    packed = b"".join(b"\x00" + pixels[row * stride : (row + 1) * stride] for row in range(rows))
    return _file(packed, columns, rows)


def encoded_wide(pixels: bytes, columns: int, rows: int, stride: int, per_metre: int) -> bytes:
    """The same for rows of red, green, blue and nothing that take `stride` bytes each, with a mark and a density."""
    packed = bytearray(rows * (1 + 3 * columns))
    for row in range(rows):
        line = pixels[row * stride : row * stride + 4 * columns]
        start = row * (1 + 3 * columns) + 1
        for channel in range(3):
            packed[start + channel : start + 3 * columns : 3] = line[channel::4]
    density = _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1))
    return with_mark(_file(bytes(packed), columns, rows, density))


def with_mark(data: bytes) -> bytes:
    """A PNG file with its mark as a text behind the header, which has 33 bytes."""
    return data[:33] + _chunk(b"tEXt", b"Software\x00" + mark_of(data)) + data[33:]


def _file(packed: bytes, columns: int, rows: int, more: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0))
    return _SIGNATURE + head + more + _chunk(b"IDAT", zlib.compress(packed, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

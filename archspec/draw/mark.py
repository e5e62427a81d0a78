"""The mark in a picture's file: archspec made it, and nobody has changed it since."""

from __future__ import annotations

import re
from hashlib import blake2s

_WORDS = b"archspec render "
_LINE = re.compile(rb"[^\n]*" + _WORDS + rb"([0-9a-f]{16})[^\n]*\n")
_CHUNK = re.compile(rb".{4}tEXtSoftware\x00" + _WORDS + rb"([0-9a-f]{16}).{4}", re.DOTALL)


def mark_of(data: bytes) -> bytes:
    """The mark of a file with this content, which says nothing of the mark itself."""
    return _WORDS + blake2s(data, digest_size=8).hexdigest().encode()


def is_unchanged(data: bytes) -> bool:
    """Whether a file is as archspec wrote it."""
    for form in (_CHUNK, _LINE):
        found = form.search(data)
        if found is not None:
            return mark_of(data[: found.start()] + data[found.end() :]).endswith(found[1])
    return False


def marked(text: str, before: str, after: str = "") -> bytes:
    """A text with its mark in a first line, a comment from `before` to `after`."""
    data = text.encode()
    return before.encode() + mark_of(data) + after.encode() + b"\n" + data

"""What a diagnostic code is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding: its page in docs/errors.md, with a spec that shows it."""

    code: str
    title: str
    """what it is called, a few words in lower case"""
    why: str
    """what it means and why archspec insists, a sentence or three"""
    example: str
    """a small spec, YAML, for which archspec gives exactly this one finding"""

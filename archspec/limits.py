"""How large a spec may be: bounds that no honest file reaches, checked before work is done."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one run; each can be raised with `--limit NAME=VALUE`."""

    source: int = 8 * 2**20
    """bytes of source, with everything it extends and uses"""
    depth: int = 64
    """brackets, or blocks, inside one another"""
    nodes: int = 10**6
    """scalars, lists and mappings of a file"""
    scalar: int = 4096
    """characters of one scalar (a pasted table apart)"""
    rows: int = 100_000
    """rows after expansion"""
    maps: int = 65_536
    """maps of a tensor"""
    side: int = 65_536
    """height or width of a tensor"""
    parameters: int = 10**11
    """parameters of the whole network"""
    expression: int = 256
    """characters of an expression"""
    number: int = 2**53
    """size of any number"""
    shown: int = 20
    """diagnostics printed"""

    def raised(self, name: str, value: int) -> Limits:
        """These limits with one of them changed."""
        return replace(self, **{name: value})

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))


DEFAULT_LIMITS = Limits()

"""The events of a YAML text: PyYAML's parser in C, or the one in Python made to agree with it."""

from __future__ import annotations

# PyYAML's scanner has no types.
# pyright: reportUnknownMemberType=false
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import yaml


class _Parser(Protocol):
    def check_event(self) -> bool: ...
    def get_event(self) -> yaml.Event: ...
    def dispose(self) -> None: ...


class _ParserInPython(yaml.Loader):
    def scan_to_next_token(self) -> None:
        """Skip tabs between tokens too, as the parser in C does; JSON files are full of them."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def fetch_more_tokens(self) -> None:
        """Refuse an escape beyond Unicode with a YAMLError instead of whatever `chr` raises."""
        try:
            super().fetch_more_tokens()
        except (ValueError, OverflowError) as error:
            mark = cast(yaml.Mark, self.get_mark())
            raise yaml.MarkedYAMLError("while scanning a quoted scalar", None, "invalid escape", mark) from error


PARSER_IN_PYTHON = cast(Callable[[str], _Parser], _ParserInPython)
PARSER = cast(Callable[[str], _Parser], getattr(yaml, "CLoader", _ParserInPython))


def events(text: str) -> Iterator[yaml.Event]:
    """The events of a text, one after the other, so that a reader can stop where it has seen enough."""
    parser = PARSER(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()

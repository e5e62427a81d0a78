"""YAML or JSON text to a document: plain values, and for each of them the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isinf
from typing import Any

import yaml

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq
from archspec.limits import Limits
from archspec.reading import add_too_large, character_span
from archspec.source import Source, Span
from archspec.yaml_events import events
from archspec.yaml_syntax import SURROGATE_HELP, Complaint, complaint, inside, missing_space, spelled


def read_yaml(source: Source, findings: Findings, limits: Limits) -> Any:
    """The document that a source holds: Map, Seq or scalar; None with a finding where it does not parse."""
    if len(source.text) > limits.source:
        add_too_large(source.name, findings, limits)
        return None
    if strange := _STRANGE.search(source.text):
        findings.add(
            "E004",
            f"the character U+{ord(strange[0]):04X} can't stand in a spec",
            character_span(source, strange.start()),
            label="invisible here",
            help=f'delete it, or write it in double quotes as "{_escaped(strange[0])}"',
        )
        return None
    try:
        return _Reading(source, findings, limits).document()
    except _Unreadable:
        return None


# What YAML forbids, and what looks like nothing in an editor: a byte order mark inside the text, and the three line
# breaks that YAML 1.1 counts and editors don't. With them gone, the parser's line numbers are everybody's.
_STRANGE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


class _Unreadable(Exception):
    """The rest of the text says nothing reliable; the findings have the reason."""


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet, and in a mapping the key that waits for its value."""

    value: Map | Seq
    flow: bool
    key: str | None = None
    key_span: Span | None = None
    torn: bool = False
    """an unquoted comma made two entries of one, so that its keys mean nothing"""

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.value, Map)


# A file with this many mistakes is of another kind; there is no use in reading on.
_ENOUGH = 100


class _Reading:
    """One pass over the events of a text; the collections open at an event are a list, not a recursion."""

    def __init__(self, source: Source, findings: Findings, limits: Limits) -> None:
        self.source = source
        self.findings = findings
        self.limits = limits
        self.open: list[_Open] = []
        self.root: Any = None
        self.root_span = Span(source, 0, 0, 0, 0)
        self.nodes = 0
        self.found = 0
        self.documents = 0
        self.empty = True
        self.poisoned = False
        self.repetition_found = False
        self.takers: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self.take_scalar,
            yaml.MappingStartEvent: self.open_collection,
            yaml.SequenceStartEvent: self.open_collection,
            yaml.MappingEndEvent: self.close_collection,
            yaml.SequenceEndEvent: self.close_collection,
            yaml.AliasEvent: self.take_alias,
            yaml.DocumentStartEvent: self.open_document,
        }

    def document(self) -> Any:
        takers = self.takers
        try:
            for event in events(self.source.text):
                take = takers.get(type(event))
                if take is not None:
                    take(event)
        except yaml.MarkedYAMLError as error:
            bracket = self.open[-1].value.span if self.open and self.open[-1].flow else None
            self.stop(complaint(self.source, error, bracket))
        if isinstance(self.root, str) and self.root_span.end_line > self.root_span.line:
            self.check_colon(self.root, self.root_span)  # not one text but many keys, each without its space
        if self.poisoned:
            raise _Unreadable
        if self.empty:
            start = Span(self.source, 0, 0, 0, 0)
            self.stop(Complaint("E005", "the file holds no spec", start, "", "start with `input:` and `layers:`"))
        return self.root

    def span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self.source, start.line, start.column, end.line, end.column)

    def report(self, complaint: Complaint) -> None:
        """Add a finding that leaves the document as good as it was."""
        code, message, span, label, help, related = complaint
        self.findings.add(code, message, span, label=label, help=help, related=related)
        self.found += 1
        if self.found >= _ENOUGH:
            raise _Unreadable

    def refuse(self, complaint: Complaint) -> None:
        """Add a finding that makes the document worthless, and read on for more."""
        self.poisoned = True
        self.report(complaint)

    def stop(self, complaint: Complaint) -> None:
        """Add a finding after which nothing can be read."""
        self.report(complaint)
        raise _Unreadable

    def open_document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            message = "a second document starts here"
            self.stop(Complaint("E006", message, self.span(event), "the second", "put it into a file of its own"))
        if event.tags:
            help = "delete the line that starts with `%TAG`"
            self.refuse(Complaint("E018", "a spec has no tags", self.span(event), "after `%TAG`", help))

    def open_collection(self, event: Any) -> None:
        span = self.span(event)
        self.count(span)
        if len(self.open) >= self.limits.depth:
            message = f"lists and mappings are nested more than {self.limits.depth} deep"
            help = f"raise the bound: --limit depth={2 * self.limits.depth}"
            self.stop(Complaint("E021", message, span, "one too deep", help))
        if self.open and self.open[-1].wants_key:
            message = "a key is a list or a mapping"
            self.stop(Complaint("E019", message, span, "not a name", "write a name before the `:`, or quote it"))
        self.check_properties(event, span)
        value = Map(span) if isinstance(event, yaml.MappingStartEvent) else Seq(span)
        self.open.append(_Open(value, flow=bool(event.flow_style)))

    def close_collection(self, event: Any) -> None:
        closed = self.open.pop()
        value, start = closed.value, closed.value.span
        if closed.flow:
            value.span = Span(self.source, start.line, start.column, event.end_mark.line, event.end_mark.column)
        else:
            value.span = _first_line(value)
        self.put(value, value.span)

    def take_alias(self, event: yaml.AliasEvent) -> None:
        span = self.span(event)
        self.count(span)
        self.refuse_repetition(f"the alias `*{spelled(event.anchor)}`", span)
        parent = self.open[-1] if self.open else None
        if parent and parent.wants_key:
            parent.key, parent.key_span = event.anchor, span
        else:
            self.put(None, span)

    def take_scalar(self, event: yaml.ScalarEvent) -> None:
        span = self.span(event)
        text: str = event.value
        if not text:
            span = inside(span)
        self.count(span)
        if event.tag or event.anchor:
            self.check_properties(event, span)
        parent = self.open[-1] if self.open else None
        if len(text) > self.limits.scalar and not (parent and parent.key == "table"):
            message = f"a value of {len(text)} characters, where {self.limits.scalar} is the most"
            help = f"raise the bound: --limit scalar={len(text)}"
            self.refuse(Complaint("E023", message, span, "", help))
            text = text[:1]
        plain = not event.style
        if parent and parent.wants_key:
            self.take_key(parent, text, span, plain)
        elif plain:
            self.take_plain(parent, text, span)
        else:
            if _SURROGATE.search(text):  # the parser in C refuses the escape itself
                self.refuse(Complaint("E015", "half a character as an escape", span, "", SURROGATE_HELP))
            self.put(text, span)

    def take_key(self, parent: _Open, text: str, span: Span, plain: bool) -> None:
        keys = parent.value
        assert isinstance(keys, Map)
        parent.key, parent.key_span = text, span
        if not text:
            self.refuse(Complaint("E019", "a key is empty", span, "no name here", "write a name before the `:`"))
        elif text == "<<" and plain:
            self.refuse_repetition("the merge key `<<`", span)
        elif text in keys and not parent.torn:
            first = Related(keys.key_spans[text], "the first")
            message = f"the key `{spelled(text)}` stands twice in one mapping"
            self.report(Complaint("E016", message, span, "the second", "delete one of the two", (first,)))

    def take_plain(self, parent: _Open | None, text: str, span: Span) -> None:
        if parent and parent.flow:
            if not text and parent.key and parent.key_span and parent.key_span[3:] == span[1:3]:
                self.check_colon(parent.key, parent.key_span)
            elif text.startswith("=") and text.count("(") > text.count(")"):
                self.check_comma(parent, span)
        try:
            value = _plain_value(text, self.limits.number)
        except OverflowError as error:
            value = None
            help = "write a finite number; quote it where text is meant"
            self.refuse(Complaint("E020", str(error), span, "out of range", help))
        self.put(value, span)

    def put(self, value: Any, span: Span) -> None:
        """Give a finished value to the collection it stands in."""
        if not self.open:
            self.root, self.root_span = value, span
            self.empty = span[1:3] == span[3:]
            return
        parent = self.open[-1]
        if isinstance(parent.value, Seq):
            parent.value.put(value, span)
            return
        assert parent.key is not None
        assert parent.key_span is not None
        if parent.key not in parent.value:  # of a key that stands twice the first counts
            parent.value.put(parent.key, parent.key_span, value, span)
        parent.key = None

    def count(self, span: Span) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            message = f"more than {self.limits.nodes} keys and values in one file"
            help = f"raise the bound: --limit nodes={2 * self.limits.nodes}"
            self.stop(Complaint("E022", message, span, "the first too many", help))

    def check_properties(self, event: Any, span: Span) -> None:
        if event.anchor:
            self.refuse_repetition(f"the anchor `&{spelled(event.anchor)}`", span)
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!", 1)
            message = f"the tag `{spelled(tag)}` has no meaning in a spec"
            self.refuse(Complaint("E018", message, span, "", "delete the tag; quote the value where text is meant"))

    def refuse_repetition(self, what: str, span: Span) -> None:
        if not self.repetition_found:  # an anchor, its aliases and the merge keys around them are one mistake
            self.repetition_found = True
            help = "for what repeats there are `defaults:`, `blocks:` and `repeat:`"
            self.refuse(Complaint("E017", f"{what} has no meaning in a spec", span, "", help))
        self.poisoned = True

    def check_colon(self, text: str, span: Span) -> None:
        if found := missing_space(text):
            self.refuse(Complaint("E010", "no space after a `:`", span, "read as one word", found))

    def check_comma(self, parent: _Open, span: Span) -> None:
        line = self.source.lines[span.line]
        close = line.find(")", span.end_column)
        if close < 0 or not line.startswith(",", span.end_column):
            return
        parent.torn = True
        whole = Span(self.source, span.line, span.column, span.line, close + 1)
        help = f'quote the expression: "{spelled(line[span.column : close + 1])}"'
        self.refuse(Complaint("E011", "the comma ends the expression", whole, "has a comma", help))


def _first_line(value: Map | Seq) -> Span:
    """The span of a block collection: its first entry, as far as that is on one line."""
    source, line, column, *_ = value.span
    if isinstance(value, Map):
        key = next(iter(value))
        spans = [value.value_spans[key], value.key_spans[key]]
    else:
        spans = value.item_spans[:1]
    for span in spans:
        if span.line == line:
            end = span.end_column if span.end_line == line else len(source.lines[line].rstrip())
            return Span(source, line, column, line, end)
    return Span(source, line, column, line, column + 1)


_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<oct>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<infinite>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_BASES = {"int": 10, "oct": 8, "hex": 16}


def _plain_value(text: str, limit: int) -> Any:
    """The value of an unquoted scalar in the core schema of YAML 1.2; OverflowError where it is no usable number."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-." or not (match := _NUMBER.fullmatch(text)):
        return text
    kind = match.lastgroup or ""
    if kind in _BASES:
        # Python itself refuses to read very long integers, and no limit is that large.
        value = int(match[kind], _BASES[kind]) if len(text) < 1000 else limit + 1
        if abs(value) > limit:
            raise OverflowError(f"{spelled(text)} is a larger number than {limit}")
        return value
    number = float(text) if kind == "float" else float("inf")
    if isinf(number):
        raise OverflowError(f"{spelled(text)} is not a finite number")
    return number

"""What to say about text that is not YAML: the parser's complaint in the words of somebody who wrote a table."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from archspec.diagnostic import Related
from archspec.source import Source, Span


class Complaint(NamedTuple):
    """A finding before it is recorded."""

    code: str
    message: str
    span: Span
    label: str
    help: str
    related: tuple[Related, ...] = ()


def spelled(text: str) -> str:
    """A name from a file, short enough for a message."""
    return text if len(text) <= 60 else text[:57] + "…"


def missing_space(text: str) -> str | None:
    """What to type for `key:value`, which YAML reads as one word."""
    match = _GLUED.match(text)
    return f"`{match[1]}: {spelled(match[2])}`" if match else None


SURROGATE_HELP = r"write the character itself; a pair like \ud83d\ude00 is \U0001f600"

_GLUED = re.compile(r"([A-Za-z_][\w-]*):([^\s:/][^\s,}\]]*)")
_LONGEST_KEY = 1024  # of YAML
_LIST_AND_KEYS = "a list and keys are mixed at one indentation"
_SAME_LEVEL = "align this line with the one above that it belongs beside"


class _Place(NamedTuple):
    """Where the parser gave up, and where the thing began that it was reading."""

    source: Source
    line: int
    column: int
    problem: str
    context: str
    start_line: int
    start_column: int

    @property
    def text(self) -> str:
        return self.source.lines[self.line]

    @property
    def character(self) -> str:
        return self.text[self.column : self.column + 1]

    @property
    def indentation(self) -> int:
        return _indentation(self.text)

    @property
    def span(self) -> Span:
        end = self.column + len(self.character)
        return Span(self.source, self.line, self.column, self.line, end)

    @property
    def start(self) -> Span:
        return Span(self.source, self.start_line, self.start_column, self.start_line, self.start_column + 1)

    @property
    def word(self) -> Span:
        """From the problem to the end of its line."""
        return Span(self.source, self.line, self.column, self.line, max(len(self.text.rstrip()), self.column))

    def line_above(self) -> int | None:
        """The last line before the problem's that says something."""
        for line in range(self.line - 1, -1, -1):
            text = self.source.lines[line].strip()
            if text and not text.startswith("#"):
                return line
        return None


def complaint(source: Source, error: yaml.MarkedYAMLError, bracket: Span | None) -> Complaint:
    """What is wrong with a text where the parser gave up; `bracket` is the innermost one open there."""
    place = _place(source, error)
    if bracket and not place.character and place.line == len(source.lines) - 1:
        return _unclosed(bracket, ())
    for rule in _RULES:
        if found := rule(place):
            return found
    return Complaint("E007", f"not YAML: {place.problem}", place.span, "the parser stopped here", "quote the value")


def inside(span: Span) -> Span:
    """The span without what is behind the end: the parser in C counts a line more where the last has no line break."""
    source, line, column, end_line, end_column = span
    lines = source.lines
    if end_line >= len(lines):
        end_line, end_column = len(lines) - 1, len(lines[-1])
    return Span(source, *min((line, column), (end_line, end_column)), end_line, end_column)


def _place(source: Source, error: yaml.MarkedYAMLError) -> _Place:
    problem = _marked(source, error.problem_mark)
    start = _marked(source, error.context_mark or error.problem_mark)
    return _Place(source, *problem, error.problem or "", error.context or "", *start)


def _marked(source: Source, mark: yaml.Mark | None) -> tuple[int, int]:
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return inside(Span(source, line, column, line, column))[1:3]


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))


def _tab(at: _Place) -> Complaint | None:
    tab = at.text.find("\t", 0, at.indentation)
    if tab < 0 or "flow" in at.context or "quoted" in at.context or "directive" in at.context:
        return None
    span = Span(at.source, at.line, tab, at.line, at.indentation)
    return Complaint("E008", "a tab indents this line", span, "a tab", "indent with spaces, two for each level")


def _quoted(at: _Place) -> Complaint | None:
    if "quoted scalar" not in at.context:
        return None
    if "stream" in at.problem or "document" in at.problem:
        help = "close the quote on the line where the text ends"
        return Complaint("E009", "this quote is never closed", at.start, "opened here", help)
    backslash = max(at.text.rfind("\\", 0, at.column + 1), 0)
    span = Span(at.source, at.line, backslash, at.line, min(backslash + 2, len(at.text)))
    if "nicode" in at.problem or "invalid" in at.problem:
        return Complaint("E015", "an escape is half a character or none", span, "no character", SURROGATE_HELP)
    help = r"write \\ for a backslash, or use single quotes"
    return Complaint("E015", "an unknown escape after `\\`", span, "no such escape", help)


def _long_key(at: _Place) -> Complaint | None:
    before = at.text[max(at.column - _LONGEST_KEY, 0) : at.column]
    if at.character != ":" or len(before) < _LONGEST_KEY or re.search(r"[:,] ", before):
        return None
    return Complaint("E023", f"a key of more than {_LONGEST_KEY} characters", at.span, "its end", "shorten the key")


def _unclosed(start: Span, related: tuple[Related, ...]) -> Complaint:
    opening = start.source.lines[start.line][start.column]
    help = f"put a `{'}' if opening == '{' else ']'}` where it ends"
    return Complaint("E009", f"this `{opening}` is never closed", start, "opened here", help, related)


def _bracket(at: _Place) -> Complaint | None:
    if "flow mapping" not in at.context and "flow sequence" not in at.context:
        return None
    closing = "}" if "mapping" in at.context else "]"
    ended = not at.character or at.text[at.column :].startswith(("---", "..."))
    outdented = at.line > at.start_line and at.indentation <= _indentation(at.source.lines[at.start_line])
    if ended or outdented or at.character in "]}":
        other = (Related(at.span, f"expected `{closing}` before this"),) if at.character and not ended else ()
        return _unclosed(at.start, other)
    on_a_new_line = at.line > at.start_line and not re.search("[:,{[]", at.text[: at.column])
    if at.character == ":" and not on_a_new_line:
        help = "put a comma between the entries; quote a value that contains `: `"
        return Complaint("E007", "a second `:` in one entry", at.span, "the second", help)
    help = "put a comma between the entries"
    span = _content(at.source, at.line) if on_a_new_line else at.span
    return Complaint("E007", f"a `,` or `{closing}` is missing", span, "missing before this", help)


def _reserved(at: _Place) -> Complaint | None:
    if at.character not in ("@", "`", "%") or "token" not in at.context:
        if "directive" not in at.context + at.problem and "YAML document" not in at.problem:
            return None
        help = "delete the line, or quote what starts with `%`"
        line = Span(at.source, at.start_line, 0, at.start_line, len(at.source.lines[at.start_line]))
        return Complaint("E012", "a directive with no meaning in a spec", line, "`%` at the start of a line", help)
    message = f"`{at.character}` can't start a value"
    return Complaint("E012", message, at.word, "reserved by YAML", f'quote the value: "{spelled(_rest(at))}"')


def _rest(at: _Place) -> str:
    return re.split(r"[,}\]]| #", at.text[at.column :])[0].strip().replace('"', "'")


def _glued(at: _Place) -> Complaint | None:
    """`key:value` on the line of the problem, or on the one above, which then goes on in this one."""
    if "simple key" in at.context:
        line = at.start_line
    elif "mapping values" in at.problem:
        line = at.line_above()
    else:
        return None
    if line is None:
        return None
    text = at.source.lines[line]
    start = len(text) - len(text.lstrip(" -"))
    match = _GLUED.match(text, start)
    help = missing_space(text[start:])
    if not match or not help:
        return None
    span = Span(at.source, line, start, line, match.end())
    return Complaint("E010", "no space after a `:`", span, "read as one word", help)


def _colon(at: _Place) -> Complaint | None:
    if "simple key" in at.context:
        text = at.source.lines[at.start_line].rstrip()
        span = Span(at.source, at.start_line, at.start_column, at.start_line, max(len(text), at.start_column))
        help = "write `key: value`, or `- ` before an item"
        return Complaint("E007", "this line has no `: `", span, "neither a key nor an item", help)
    if "unexpected ':'" in at.problem:
        return Complaint("E007", "a `:` ends a value", at.span, "one too many", "delete it, or quote the value")
    if "mapping values" not in at.problem:
        return None
    before = at.text[: at.column]
    if ": " in before:
        return Complaint("E007", "a second `: ` in one line", at.span, "the second", "quote the value")
    above = at.line_above()
    if above is None:
        return None
    key = Span(at.source, at.line, at.indentation, at.line, at.column)
    text = at.source.lines[above]
    if at.indentation > len(text) - len(text.lstrip(" -")):
        related = (Related(_content(at.source, above), "this line already has its value"),)
        return Complaint("E013", "this line is indented too far", key, "too deep", _SAME_LEVEL, related)
    help = "write `key: value`, or `- ` before an item"
    return Complaint("E007", "this line has no `: `", _content(at.source, above), "neither a key nor an item", help)


def _content(source: Source, line: int) -> Span:
    text = source.lines[line]
    return Span(source, line, _indentation(text), line, len(text.rstrip()))


def _block(at: _Place) -> Complaint | None:
    if "block mapping" not in at.context and "block collection" not in at.context:
        return None
    if at.character in ("]", "}"):
        return None
    if at.column > at.indentation and at.column != at.start_column:
        help = "quote the whole value; a quote inside it is written twice"
        return Complaint("E007", "text after the end of a value", at.word, "belongs to nothing", help)
    if at.character == ":":
        return _no_key(at)
    start = _content(at.source, at.start_line)
    if at.column != at.start_column:
        first = (Related(start, "the level it fell out of"),)
        return Complaint(
            "E013", "the indentation fits no line above", at.word, "between two levels", _SAME_LEVEL, first
        )
    if at.character == "-":
        help = "indent the items below the key that they belong to"
        return Complaint("E014", _LIST_AND_KEYS, at.word, "an item among keys", help, (Related(start, "a key"),))
    help = "start it with `- `, or indent it by two more spaces"
    return Complaint("E014", _LIST_AND_KEYS, at.word, "a key among items", help, (Related(start, "an item"),))


def _no_key(at: _Place) -> Complaint:
    return Complaint("E019", "a key is empty", at.span, "no name here", "write a name before the `:`")


def _unopened(at: _Place) -> Complaint | None:
    if at.character not in ("]", "}") or not re.search("document start|block|node", at.problem + at.context):
        return None
    return Complaint("E009", f"this `{at.character}` closes nothing", at.span, "never opened", "delete it")


def _dash(at: _Place) -> Complaint | None:
    if "sequence entries are not allowed" not in at.problem:
        return None
    return Complaint(
        "E007", "a list can't start here", at.word, "an item", "put `- ` on the next line, or write [a, b]"
    )


def _document(at: _Place) -> Complaint | None:
    if "document start" not in at.problem:
        return None
    help = "put all of it into one mapping of `key: value`"
    return Complaint("E007", "text after the end of the spec", at.word, "belongs to nothing", help)


def _properties(at: _Place) -> Complaint | None:
    sign = at.source.lines[at.start_line][at.start_column : at.start_column + 1]
    if sign in ("*", "&") and ("alias" in at.context or "anchor" in at.context):
        message = f"`{sign}` can't start a value"
        return Complaint("E012", message, at.start, "reserved by YAML", "quote the value")
    if sign == "!" or "tag handle" in at.problem:
        return Complaint("E018", "a spec has no tags", at.start, "starts a tag", "quote the value")
    return None


def _content_missing(at: _Place) -> Complaint | None:
    if "block scalar" in at.context:
        help = "start the text on the next line, indented"
        return Complaint("E007", "text right after `|` or `>`", at.word, "belongs on the next line", help)
    if "node content" in at.problem and at.character == ":":
        return _no_key(at)
    if at.character and re.search("node content|any token|mapping keys", at.problem):
        message = f"a value can't start with `{at.character}`"
        return Complaint("E007", message, at.span, "expected a value", "write the value, or quote it")
    return None


_RULES = (
    _tab,
    _quoted,
    _long_key,
    _bracket,
    _reserved,
    _glued,
    _colon,
    _block,
    _unopened,
    _dash,
    _document,
    _properties,
    _content_missing,
)

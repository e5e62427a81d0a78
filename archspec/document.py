"""A document: plain values that remember where in the source each of them stands."""

from __future__ import annotations

from typing import Any, Self, TypeGuard

from archspec.source import Span


class Map(dict[str, Any]):
    """A mapping as written; `key_spans` and `value_spans` have a span for each key."""

    __slots__ = ("key_spans", "span", "value_spans")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.key_spans: dict[str, Span] = {}
        self.value_spans: dict[str, Span] = {}

    def put(self, key: str, key_span: Span, value: Any, value_span: Span) -> None:
        """Add an entry with its two spans."""
        self[key] = value
        self.key_spans[key] = key_span
        self.value_spans[key] = value_span

    def copied(self, span: Span | None = None) -> Self:
        """The same entries, with their places, in a mapping of its own."""
        copy = type(self)(span or self.span)
        copy.update(self)
        copy.key_spans.update(self.key_spans)
        copy.value_spans.update(self.value_spans)
        return copy

    def with_entries(self, above: Map) -> Self:
        """A copy with the entries of another mapping over these."""
        copy = self.copied(above.span)
        for key, value in above.items():
            copy.put(key, above.key_spans[key], value, above.value_spans[key])
        return copy


class Seq(list[Any]):
    """A list as written; `item_spans` has a span for each item."""

    __slots__ = ("item_spans", "span")

    def __init__(self, span: Span) -> None:
        super().__init__()
        self.span = span
        self.item_spans: list[Span] = []

    def put(self, value: Any, span: Span) -> None:
        """Append an item with its span."""
        self.append(value)
        self.item_spans.append(span)


def span_at(value: Any, path: tuple[str | int, ...], fallback: Span) -> Span:
    """The span of the deepest part of `path` that the document has."""
    span = fallback
    for step in path:
        if isinstance(value, Map) and isinstance(step, str) and step in value:
            value, span = value[step], value.value_spans[step]
        elif isinstance(value, Seq) and isinstance(step, int) and step < len(value):
            value, span = value[step], value.item_spans[step]
        else:
            break
    return span


def text_span(span: Span, text: str, start: int, stop: int) -> Span:
    """The span of `text[start:stop]` inside a scalar, quoted or plain; all of it where that is not one line."""
    width = span.end_column - span.column
    if span.line != span.end_line or width not in (len(text), len(text) + 2):
        return span
    quote = (width - len(text)) // 2
    return span.within(start + quote, max(stop, start + 1) + quote)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a value is a list."""
    return isinstance(value, list)


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value is a mapping; the keys of documents are always texts."""
    return isinstance(value, dict)


def plain(value: Any) -> Any:
    """The value without spans: ordinary dicts and lists."""
    if is_mapping(value):
        return {key: plain(item) for key, item in value.items()}
    if is_list(value):
        return [plain(item) for item in value]
    return value

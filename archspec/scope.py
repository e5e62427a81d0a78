"""The names that expressions see: parameters, arguments, the index, and the block's input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq, is_list, text_span
from archspec.expression import ExpressionError, Value, parse
from archspec.limits import Limits
from archspec.row import has_expression, is_expression
from archspec.shape import Shape
from archspec.source import Span


class Unknown(Exception):
    """A value that can't be known because of a mistake that is reported already."""


class VectorError(Exception):
    """The height or the width of an input that has none."""

    def __init__(self, name: str, shape: Shape) -> None:
        super().__init__(name)
        self.name = name
        self.shape = shape


_SIDES = {"in.maps": 0, "in.height": 1, "in.width": 2}


class Scope(Mapping[str, Value]):
    """Names with their values, those of the enclosing scope behind them."""

    def __init__(
        self,
        values: dict[str, Value],
        origins: Mapping[str, str],
        parent: Scope | None = None,
        input_shape: Callable[[], Shape | None] | None = None,
    ) -> None:
        self.values_here = values
        self.origins_here = origins
        self.parent = parent
        self._input_shape = input_shape

    def __getitem__(self, name: str) -> Value:
        if name in self.values_here:
            value = self.values_here[name]
            if isinstance(value, Poison):
                raise Unknown
            return value
        if self._input_shape is not None and name.startswith("in."):
            return self._of_input(name)
        if self.parent is not None:
            return self.parent[name]
        raise KeyError(name)

    def _of_input(self, name: str) -> Value:
        assert self._input_shape is not None
        shape = self._input_shape()
        if shape is None:
            raise Unknown
        if name == "in.features":
            return shape.elements
        side = _SIDES[name]
        if side >= len(shape):
            raise VectorError(name, shape)
        return shape[side]

    def __iter__(self) -> Iterator[str]:
        yield from self.values_here
        if self._input_shape is not None:
            yield from ("in.maps", "in.height", "in.width", "in.features")
        if self.parent is not None:
            yield from self.parent

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def origin(self, name: str) -> str:
        """Where a name's value comes from, in words."""
        if name in self.origins_here:
            return self.origins_here[name]
        if name.startswith("in."):
            return "the input"
        return self.parent.origin(name) if self.parent else ""

    def with_values(self, values: dict[str, Value], origin: str) -> Scope:
        """A scope inside this one."""
        return Scope(values, dict.fromkeys(values, origin), self)


class Poison:
    """Stands for a value whose computation failed."""


class Evaluator:
    """Puts numbers for expressions, and reports those that do not work out."""

    def __init__(self, findings: Findings, limits: Limits) -> None:
        self.findings = findings
        self.limits = limits

    def value(self, raw: Any, scope: Scope, span: Span, trail: tuple[Related, ...] = ()) -> Any:
        """A value with the expressions in it evaluated; `Unknown` where one fails."""
        if is_expression(raw):
            return self._evaluated(raw, scope, span, trail)
        if not has_expression(raw):
            return raw
        if is_list(raw):
            spans = raw.item_spans if isinstance(raw, Seq) else [span] * len(raw)
            return [self.value(item, scope, place, trail) for item, place in zip(raw, spans, strict=True)]
        places = raw.value_spans if isinstance(raw, Map) else dict.fromkeys(raw, span)
        return {key: self.value(item, scope, places[key], trail) for key, item in raw.items()}

    def _evaluated(self, raw: str, scope: Scope, span: Span, trail: tuple[Related, ...]) -> Any:
        try:
            return whole(parse(raw[1:], self.limits).evaluate(scope))
        except ExpressionError as error:
            self.findings.add(
                error.code,
                error.message,
                text_span(span, raw, error.start + 1, error.stop + 1),
                label=error.label,
                help=error.help,
                related=trail,
            )
            raise Unknown from None
        except VectorError as error:
            start, stop = parse(raw[1:], self.limits).place(error.name)
            self.findings.add(
                "E201",
                f"`{error.name}` needs maps x height x width, and the input is a vector of {error.shape}",
                text_span(span, raw, start + 1, stop + 1),
                label="a vector has none",
                help="use in.features, the length of the vector",
                related=trail,
            )
            raise Unknown from None


def whole(value: Any) -> Any:
    """A float that is a whole number as that number: `=0.5*64` counts maps as well as `=32` does."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if is_list(value):
        return [whole(item) for item in value]
    return value

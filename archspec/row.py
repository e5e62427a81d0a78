"""A row of a spec as written: the keys that every type of row has, and the rest for its operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from archspec.document import Map, Seq, is_list, is_mapping
from archspec.names import name_problem
from archspec.operators.values import is_int
from archspec.source import Span


def is_expression(value: object) -> bool:
    """True for a text that starts with `=`."""
    return isinstance(value, str) and value.startswith("=")


def has_expression(value: object) -> bool:
    """True where an expression stands anywhere in a value."""
    if isinstance(value, str):
        return value.startswith("=")
    if is_mapping(value):
        return any(map(has_expression, value.values()))
    if is_list(value):
        return any(map(has_expression, value))
    return False


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("name", "a name")
    if problem := name_problem(value, dotted=True):
        raise PydanticCustomError("bad_name", "{problem}", {"problem": problem})
    return value


def _names(value: object) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not is_list(names) or not names or not all(isinstance(name, str) for name in names):
        raise PydanticCustomError("names", "a row's name or a list of names")
    return names


def _or_expression(kind: str, check: Callable[[Any], bool]) -> BeforeValidator:
    def read(value: object) -> object:
        if is_expression(value) or check(value):
            return value
        raise PydanticCustomError("kind", "{kind}", {"kind": kind})

    return BeforeValidator(read)


_EXPRESSION: dict[str, Any] = {"type": "string", "pattern": "^="}
_SIZE = r"^\d+( *[x×X] *\d+){0,2}$"

Repeat = Annotated[
    Any,
    _or_expression("a whole number from 0", lambda value: is_int(value) and value >= 0),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _EXPRESSION]}),
]
When = Annotated[
    Any,
    _or_expression("true, false or an expression", lambda value: isinstance(value, bool)),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, _EXPRESSION]}),
]


def _may_be_size(value: object) -> bool:
    return is_int(value) or (isinstance(value, str) and bool(value)) or (is_list(value) and bool(value))


Size = Annotated[
    Any,
    _or_expression("`HxW`, `MAPSxHxW` or a number", _may_be_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": _SIZE},
                {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1, "maxItems": 3},
                _EXPRESSION,
            ]
        }
    ),
]
Claim = Annotated[
    Any,
    _or_expression("a whole number from 0", lambda value: is_int(value) and value >= 0),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, _EXPRESSION]}),
]
Sugar = Annotated[
    Any,
    _or_expression("a name, `none`, or `{type: …}`", lambda value: value is None or isinstance(value, (str, dict))),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "null"},
                {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
            ]
        }
    ),
]
Names = Annotated[
    list[str],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
RowName = Annotated[str, BeforeValidator(_name)]
Rows = list[Any]


class RowKeys(BaseModel):
    """The keys that a row of any type may have; what else it has belongs to its operator or block."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    name: RowName | None = Field(default=None, description="the row's name, as the paper has it", examples=["C1"])
    type: str | None = Field(default=None, description="an operator, a block of this spec, or an expression")
    from_: Names | None = Field(
        default=None, alias="from", description="the rows it takes as input; the row above where it is left out"
    )
    size: Size | None = Field(
        default=None, description="the output size the author claims; checked, never used", examples=["28x28"]
    )
    parameters: Claim | None = Field(
        default=None, description="the number of parameters the author claims; checked, never used"
    )
    norm: Sugar = Field(default=None, description="a normalization right after the row", examples=["batch"])
    activation: Sugar = Field(default=None, description="an activation at the end of the row", examples=["relu"])
    repeat: Repeat | None = Field(default=None, description="how many times in a row; `i` counts from 0")
    each: Any = Field(
        default=None, description="one instance for each entry of these lists, whose names expressions may use"
    )
    when: When | None = Field(default=None, description="where it is false, the row passes its input through")
    first: dict[str, Any] | None = Field(default=None, description="what is different in the first instance")
    last: dict[str, Any] | None = Field(default=None, description="what is different in the last instance")
    branches: Any = Field(default=None, description="parallel paths of rows, whose outputs this row combines")
    layers: Rows | None = Field(default=None, description="a group of rows in the place of one")
    share: str | None = Field(default=None, description="the row whose weights this one uses")


STRUCTURE = frozenset(field.alias or name for name, field in RowKeys.model_fields.items())
"""Keys of a row that are not its operator's."""
SUGAR_KEYS = ("norm", "activation")
OVERRIDABLE = frozenset(SUGAR_KEYS)
"""The structural keys that `defaults`, `first` and `last` may set."""


Branches = tuple[tuple[str, tuple["Row", ...]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row with its place in the source and the rows inside it."""

    map: Map
    """the mapping as written"""
    attributes: dict[str, Any]
    """the keys of the operator, or the arguments of the block"""
    name: str | None = None
    type: str | None = None
    from_: list[str] | None = None
    share: str | None = None
    size: Any = None
    parameters: Any = None
    norm: Any = None
    activation: Any = None
    repeat: Any = None
    each: Any = None
    when: Any = None
    first: dict[str, Any] | None = None
    last: dict[str, Any] | None = None
    branches: Branches | None = None
    rows: tuple[Row, ...] | None = None
    broken: bool = False
    """malformed, which is reported: what follows it is not checked"""

    @classmethod
    def of(cls, map: Map, keys: RowKeys, branches: Branches | None, rows: tuple[Row, ...] | None) -> Row:
        """A row whose keys are as they should be."""
        values: dict[str, Any] = {name: getattr(keys, name) for name in _COPIED}
        return cls(map, keys.model_extra or {}, **values, branches=branches, rows=rows)

    @property
    def span(self) -> Span:
        return self.map.span

    def key_span(self, key: str) -> Span:
        """Where a key stands, else the row."""
        return self.map.key_spans.get(key, self.map.span)

    def value_span(self, key: str) -> Span:
        """Where a key's value stands, else the row."""
        return self.map.value_spans.get(key, self.map.span)

    def label_span(self) -> Span:
        """The best place to point at for the row as a whole: its name, else its type."""
        return self.value_span("name" if self.name else "type")

    @property
    def is_lost(self) -> bool:
        """Whether it is malformed and nameless: a name that no row has may have been its."""
        if self.broken:
            return self.name is None or name_problem(self.name, dotted=True) is not None
        return self.name is None and self.type is None and self.rows is None

    def inside(self) -> Iterator[Row]:
        """This row and every row inside it."""
        yield self
        for _, rows in self.branches or ():
            for row in rows:
                yield from row.inside()
        for row in self.rows or ():
            yield from row.inside()


_COPIED = tuple(name for name in RowKeys.model_fields if name not in ("branches", "layers"))


def item_span(items: Any, index: int, fallback: Span) -> Span:
    """The span of a list's item."""
    return items.item_spans[index] if isinstance(items, Seq) and index < len(items) else fallback

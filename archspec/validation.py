"""pydantic's errors as diagnostics: place, what was expected, what to type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from archspec.diagnostic import Findings, Related
from archspec.document import Map, is_list, is_mapping, span_at
from archspec.names import legal_name
from archspec.remedy import remedy
from archspec.source import Span
from archspec.suggest import did_you_mean, nearest_attribute

_LONGEST_VALUE = 40
_INFERRED = frozenset({"in_channels", "in_features", "in_maps", "input_shape", "num_features"})
"""attributes of other frameworks that say what the input is"""


def shown(value: object) -> str:
    """A value as a message quotes it: short, and as YAML has it."""
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_mapping(value):
        return "a mapping" if value else "an empty mapping"
    if is_list(value):
        return f"[{', '.join(map(shown, value))}]" if len(value) <= 4 and not any(map(is_nested, value)) else "a list"
    text = "'" + value.replace("\n", "\\n") + "'" if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def is_nested(value: object) -> bool:
    """Whether a value has values inside."""
    return is_list(value) or is_mapping(value)


_WANTED: dict[str, Callable[[dict[str, Any]], str]] = {
    "int_type": lambda _: "a whole number",
    "int_parsing": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "float_parsing": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "bool_type": lambda _: "true or false",
    "bool_parsing": lambda _: "true or false",
    "string_type": lambda _: "a text",
    "list_type": lambda _: "a list",
    "tuple_type": lambda _: "a list",
    "dict_type": lambda _: "a mapping",
    "model_type": lambda _: "a mapping",
    "greater_than": lambda context: f"a number above {context['gt']:g}",
    "greater_than_equal": lambda context: f"a number from {context['ge']:g}",
    "less_than": lambda context: f"a number below {context['lt']:g}",
    "less_than_equal": lambda context: f"a number up to {context['le']:g}",
    "too_short": lambda context: f"at least {_items(context['min_length'])}",
    "too_long": lambda context: f"at most {_items(context['max_length'])}",
    "literal_error": lambda context: f"one of {', '.join(f'`{word}`' for word in _words(context))}",
}


def _items(count: int) -> str:
    return f"{count} item{'s' if count != 1 else ''}"


def _words(context: dict[str, Any]) -> list[str]:
    """The words that a literal may be, out of pydantic's list of them."""
    return re.findall(r"'([^']*)'", context.get("expected", ""))


def wanted(error: ErrorDetails) -> str:
    """What a field expected; the texts of our own errors say it themselves."""
    describe = _WANTED.get(error["type"])
    return describe(error.get("ctx", {})) if describe else error["msg"]


def _path(location: Iterable[str | int]) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _document_path(document: object, location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of an error's location that the document has; tags of unions and key markers are not in it."""
    path: list[str | int] = []
    for step in location:
        if not (
            (is_mapping(document) and step in document)
            or (is_list(document) and isinstance(step, int) and step < len(document))
        ):
            break
        document = cast("Any", document)[step]
        path.append(step)
    return tuple(path)


class Reporter:
    """Turns one model's validation errors into findings about one mapping of the document."""

    def __init__(
        self,
        findings: Findings,
        model: type[BaseModel],
        subject: str,
        *,
        noun: str = "attribute",
        also_known: Iterable[str] = (),
        related: tuple[Related, ...] = (),
        forms: Mapping[str, str] | None = None,
        names: Collection[str] = (),
        tabled: bool = False,
    ) -> None:
        self.findings = findings
        self.forms = forms or {}
        self.names = names
        self.tabled = tabled
        self.noun = noun
        self.subject = subject
        self.related = related
        self.known = sorted({field.alias or name for name, field in model.model_fields.items()} | set(also_known))

    def report(
        self,
        error: ValidationError,
        place: Callable[[tuple[str | int, ...]], Span],
        *,
        whole: Span,
        ignore_missing: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Add a finding for each error; `place` gives the span of a path, `whole` that of the mapping."""
        details = error.errors(include_url=False)
        mistyped = {self.meant(str(each["loc"][0])) for each in details if each["type"] == "extra_forbidden"}
        for detail in details:
            location = detail["loc"]
            key = str(location[0]) if location else ""
            if detail["type"] == "extra_forbidden":
                self.unknown_key(key, place(location))
            elif detail["type"] == "missing":
                # a mistyped key is one mistake, not an unknown key and a missing one
                if not ignore_missing(key) and key not in mistyped:
                    self.missing_key(_path(location), whole)
            else:
                self.wrong_value(location, detail, place(location))

    def unknown_key(self, key: str, span: Span) -> None:
        """E102: a key nobody knows."""
        self.findings.add(
            "E102",
            f"{self.subject} has no {self.noun} `{key}`",
            span,
            label="unknown",
            help=self._help_for(key),
            related=self.related,
        )

    def meant(self, key: str) -> str | None:
        """The known key that an unknown one stands for."""
        return nearest_attribute(key, self.known)

    def _help_for(self, key: str) -> str | None:
        if key in _INFERRED and self.noun == "attribute":
            return "leave it out: a row takes as many as its input has"
        match = self.meant(key)
        return f"did you mean `{match}`?" if match else did_you_mean(key, self.known)

    def missing_key(self, key: str, span: Span) -> None:
        """E103: a key that has to be there."""
        help = f"fill in a column `{key.capitalize()}` of the table" if self.tabled else f"add {key}: …"
        self.findings.add(
            "E103", f"{self.subject} needs `{key}`", span, label="missing", help=help, related=self.related
        )

    def wrong_value(self, location: tuple[str | int, ...], detail: ErrorDetails, span: Span) -> None:
        """E104: a value of the wrong kind; E110 for a name that can't be one."""
        value, key = detail["input"], _path(_document_key(location))
        if detail["type"] == "bad_name":
            report_name(self.findings, value, detail["msg"], span, self.related)
            return
        wants, words = wanted(detail), _words(detail.get("ctx", {})) if detail["type"] == "literal_error" else ()
        form = self.forms.get(str(location[0]))
        help = f"for example {location[0]}: {form}" if form else remedy(wants, value, words, self.names)
        self.findings.add(
            "E104",
            f"`{key}` of {self.subject} wants {wants}, not {shown(value)}",
            span,
            label="not this",
            help=help,
            related=self.related,
        )


def _document_key(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A location without the markers that pydantic puts into it for unions and keys."""
    return tuple(step for step in location if isinstance(step, int) or step.isidentifier())[:3] or location


def report_name(findings: Findings, name: str, problem: str, span: Span, related: tuple[Related, ...] = ()) -> None:
    """E110: a name that nothing can have."""
    better = legal_name(name)
    foreign = next((letter for letter in name if not letter.isascii()), None)
    label = f"{foreign} is U+{ord(foreign):04X}" if foreign else "this name"
    help = f"use {better}" if better else "use letters from a to z, digits and `_`"
    findings.add("E110", f"the name {shown(name)} {problem}", span, label=label, help=help, related=related)


def place_in(map: Map, model: type[BaseModel]) -> Callable[[tuple[str | int, ...]], Span]:
    """The span of a path's value in a mapping; of a key that the model does not have, the key's."""
    known = {field.alias or name for name, field in model.model_fields.items()}

    def place(location: tuple[str | int, ...]) -> Span:
        if len(location) == 1 and location[0] not in known and location[0] in map.key_spans:
            return map.key_spans[str(location[0])]
        path = _document_path(map, location)
        return span_at(map, path, map.span)

    return place

"""pydantic's errors as diagnostics: place, what was expected, what to type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from archspec.diagnostic import Findings, Related
from archspec.document import Map, is_list, is_mapping, span_at
from archspec.source import Span
from archspec.suggest import did_you_mean, nearest

_LONGEST_VALUE = 40


def shown(value: object) -> str:
    """A value as a message quotes it: short, and as YAML has it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_mapping(value):
        return "a mapping"
    if is_list(value):
        return f"[{', '.join(map(shown, value))}]" if len(value) <= 4 and not any(map(is_nested, value)) else "a list"
    text = f"'{value}'" if isinstance(value, str) else str(value)
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
    "dict_type": lambda _: "a mapping",
    "model_type": lambda _: "a mapping",
    "greater_than": lambda context: f"a number above {context['gt']}",
    "greater_than_equal": lambda context: f"a number from {context['ge']}",
    "less_than": lambda context: f"a number below {context['lt']}",
    "less_than_equal": lambda context: f"a number up to {context['le']}",
    "too_short": lambda context: f"at least {context['min_length']} item(s)",
    "too_long": lambda context: f"at most {context['max_length']} item(s)",
    "literal_error": lambda context: f"one of {context['expected']}",
}


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
    ) -> None:
        self.findings = findings
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
        mistyped = {nearest(str(each["loc"][0]), self.known) for each in details if each["type"] == "extra_forbidden"}
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
            help=did_you_mean(key, self.known),
            related=self.related,
        )

    def missing_key(self, key: str, span: Span) -> None:
        """E103: a key that has to be there."""
        self.findings.add(
            "E103", f"{self.subject} needs `{key}`", span, label="missing", help=f"add {key}: …", related=self.related
        )

    def wrong_value(self, location: tuple[str | int, ...], detail: ErrorDetails, span: Span) -> None:
        """E104: a value of the wrong kind; E110 for a name that can't be one."""
        value, key = detail["input"], _path(_document_key(location))
        if detail["type"] == "bad_name":
            self.findings.add(
                "E110", f"the name {shown(value)} {detail['msg']}", span, label="this name", related=self.related
            )
            return
        help = None
        if detail["type"] == "literal_error" and isinstance(value, str):
            help = did_you_mean(
                value, [word.strip("' ") for word in wanted(detail)[7:].replace(" or ", ",").split(",")]
            )
        elif isinstance(value, float) and "whole" in wanted(detail):
            whole = value.is_integer() and abs(value) < 2**53
            help = f"write {int(value)}" if whole else "use round(), ceil() or floor()"
        self.findings.add(
            "E104",
            f"`{key}` of {self.subject} wants {wanted(detail)}, not {shown(value)}",
            span,
            label="not this",
            help=help,
            related=self.related,
        )


def _document_key(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A location without the markers that pydantic puts into it for unions and keys."""
    return tuple(step for step in location if isinstance(step, int) or step.isidentifier())[:3] or location


def place_in(map: Map, model: type[BaseModel]) -> Callable[[tuple[str | int, ...]], Span]:
    """The span of a path's value in a mapping; of a key that the model does not have, the key's."""
    known = {field.alias or name for name, field in model.model_fields.items()}

    def place(location: tuple[str | int, ...]) -> Span:
        if len(location) == 1 and location[0] not in known and location[0] in map.key_spans:
            return map.key_spans[str(location[0])]
        path = _document_path(map, location)
        return span_at(map, path, map.span)

    return place

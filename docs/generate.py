"""Writes the pages of docs/ that are made from the code, and the pictures of docs/images/ (`make docs`)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from archspec.codes import CODES
from archspec.codes.code import Code
from archspec.flat import yaml_text
from archspec.loading import Options, check_family
from archspec.operators import OPERATORS
from archspec.operators.operator import Example, Operator
from archspec.operators.values import shortest
from archspec.report.diagnostics import as_text
from archspec.shape import Shape
from archspec.source import Source
from archspec.validation import wanted
from docs.gallery import ENTRIES, gallery_page, picture_of_run, pictures
from docs.zoo_page import zoo_page

HERE = Path(__file__).resolve().parent
WIDTH = 118


def operators_page() -> str:
    """docs/operators.md."""
    families = [(family, list(found)) for family, found in groupby(OPERATORS, key=lambda each: each.__module__)]
    parts = [
        "# Operators",
        _note("archspec/operators/"),
        "Every type of row, with its attributes. Attributes without a default have to be given. Any value may be an\n"
        "[expression](language.md#expressions). `name`, `from`, `norm`, `activation` and the other keys that rows of\n"
        "all types have are in [the language](language.md#rows).",
        "\n".join(
            f"- {_title(family)[0]}: " + ", ".join(f"[{each.type}](#{each.type})" for each in found)
            for family, found in families
        ),
    ]
    for family, found in families:
        title, rest = _title(family)
        parts.append(f"## {title}")
        if rest:
            parts.append(rest)
        parts += [part for operator in found for part in _operator(operator)]
    return "\n\n".join(parts) + "\n"


def _note(source: str) -> str:
    return f"<!-- Made from {source} by docs/generate.py: `make docs` writes it anew. -->"


def _title(module: str) -> tuple[str, str]:
    """The title of a family, and what its module says after it: `Pools`, `A window, or …`."""
    title, _, rest = (importlib.import_module(module).__doc__ or "").strip().partition(":")
    rest = rest.strip()
    return title.rstrip("."), rest[:1].upper() + rest[1:]


def _operator(operator: type[Operator]) -> Iterator[str]:
    yield f"### {operator.type}"
    yield cleandoc(operator.__doc__ or "")
    least, most = operator.arity
    if (least, most) != (1, 1):
        yield f"Takes {least} inputs." if least == most else f"Takes {least} inputs or more."
    if operator.model_fields:
        yield "\n".join(
            [
                "| attribute | value | default | |",
                "|---|---|---|---|",
                *(_attribute(operator, name, field) for name, field in operator.model_fields.items()),
            ]
        )
    yield _example(operator, operator.examples[0])
    if operator.aliases:
        yield fill(f"Tables may call it {', '.join(operator.aliases)}.", WIDTH, break_on_hyphens=False)


def _attribute(operator: type[Operator], name: str, field: FieldInfo) -> str:
    default = "" if field.is_required() else f"`{yaml_text(shortest(field.default))}`"
    if default == "`null`":
        default = "not given"
    return f"| `{name}` | {_kind(operator, name)} | {default} | {field.description} |"


def _kind(operator: type[Operator], name: str) -> str:
    """What an attribute may be, in the words of the diagnostic for something else."""
    try:
        operator.model_validate({name: object()})
    except ValidationError as error:
        details = [each for each in error.errors(include_url=False) if each["loc"][0] == name]
    else:
        raise AssertionError(f"{operator.type} takes anything as {name}")
    said = wanted(details[0])
    if said.startswith("one of "):
        return said.removeprefix("one of ").replace("'", "`")
    return said + _bounds(operator.model_json_schema()["properties"][name])


def _bounds(schema: dict[str, Any]) -> str:
    bounded = [each for each in (schema, *schema.get("anyOf", ())) if each.get("type") in ("integer", "number")]
    if not bounded or "pattern" in str(schema):
        return ""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "up to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {bounded[0][key]:g}" for key, word in words.items() if key in bounded[0])


def _example(operator: type[Operator], example: Example) -> str:
    row = ", ".join(
        f"{key}: {yaml_text(value)}" for key, value in {"type": operator.type, **example.attributes}.items()
    )
    made = operator.model_validate(example.attributes)
    inputs = tuple(Shape(shape) for shape in example.inputs)
    seen = tuple(Shape.of(shape.elements) for shape in inputs) if operator.flattens else inputs
    output = made.shape(seen)
    call = made.lower(seen, output)
    parameters = made.parameter_count(seen)
    costs = [f"{count:,} {what}" for count, what in ((parameters, "parameters"), (made.macs(seen, output), "MACs"))]
    arguments = ", ".join(f"{key}={value!r}" for key, value in call.arguments.items())
    return (
        f"`{{{row}}}` makes {' and '.join(map(str, inputs))} into {output}: {', '.join(costs)}.\n"
        f"In torch: `{call.target}({arguments})`."
    )


def errors_page() -> str:
    """docs/errors.md."""
    parts = [
        "# Diagnostics",
        _note("archspec/codes/"),
        "Every code that archspec gives, with the smallest spec that shows it. E is an error: the spec does not\n"
        "compile. W is a warning: it compiles, and probably is not what was meant; `archspec validate --strict` takes\n"
        "it for an error. N is a note: what archspec has inferred. Codes are never used again for something else.",
        *(part for code in CODES for part in _code(code)),
    ]
    return "\n\n".join(parts) + "\n"


def _code(code: Code) -> Iterator[str]:
    yield f"## {code.code}: {code.title}"
    yield fill(code.why, WIDTH, break_long_words=False, break_on_hyphens=False)
    if code.example:
        yield f"```yaml\n{code.example.rstrip()}\n```"
        found = check_family(Source("spec.yaml", code.example), Options())
        yield f"```text\n{as_text(found)}\n```"


PAGES = {"operators.md": operators_page, "errors.md": errors_page, "zoo.md": zoo_page, "gallery.md": gallery_page}


def main() -> None:
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    (HERE / "images").mkdir(exist_ok=True)
    for name, picture in pictures().items():
        (HERE / "images" / name).write_bytes(picture)
    for entry in ENTRIES:
        path = HERE / "images" / entry.file
        if entry.run and not path.exists():  # to draw it anew, remove it
            path.write_bytes(picture_of_run(entry))


if __name__ == "__main__":
    main()

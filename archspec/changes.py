"""The `changes:` of a spec that extends another: what is different in which row."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq, plain
from archspec.suggest import did_you_mean
from archspec.validation import shown

PLACEMENTS = ("before", "after", "replace")


def apply_changes(rows: Any, changes: Map, findings: Findings) -> Seq | None:
    """The parent's rows with the changes applied; unknown rows and changes without effect are findings."""
    if not isinstance(rows, Seq):
        return None
    for name, change in changes.items():
        path = name.split(".")
        if not isinstance(change, Map):
            findings.add(
                "E104",
                f"a change of {name} is a mapping such as `{{maps: 12}}`, not {shown(change)}",
                changes.value_spans[name],
                label="not a mapping",
                help="to remove the row: {remove: true}",
            )
            continue
        if not change:
            findings.add(
                "E405", f"the change of {name} is empty", changes.value_spans[name], label="changes nothing",
                help="leave it out",
            )  # fmt: skip
            continue
        changed = _changed(rows, path, change, name, changes, findings)
        rows = rows if changed is None else changed
    return rows


def _changed(rows: Seq, path: list[str], change: Map, name: str, changes: Map, findings: Findings) -> Seq | None:
    index = _position(rows, path[0])
    if index is None:
        known = [row["name"] for row in rows if isinstance(row, Map) and isinstance(row.get("name"), str)]
        findings.add(
            "E411",
            f"the parent has no row {name}",
            changes.key_spans[name],
            label="unknown",
            help=did_you_mean(path[0], known),
        )
        return None
    row: Map = rows[index]
    if len(path) > 1:
        inner = _changed_inside(row, path[1:], change, name, changes, findings)
        return None if inner is None else _with(rows, index, [inner])
    if "remove" in change or any(key in change for key in PLACEMENTS):
        return _moved(rows, index, change, name, findings)
    return _with(rows, index, [_row_with(row, change, name, findings)])


def _position(rows: Seq, name: str) -> int | None:
    for index, row in enumerate(rows):
        if isinstance(row, Map) and row.get("name") == name:
            return index
    return None


def _changed_inside(row: Map, path: list[str], change: Map, name: str, changes: Map, findings: Findings) -> Map | None:
    branches, key = row.get("branches"), path[0]
    if isinstance(branches, Map) and isinstance(branches.get(key), Seq) and len(path) > 1:
        inner = _changed(branches[key], path[1:], change, name, changes, findings)
        if inner is None:
            return None
        changed = branches.copied()
        changed.put(key, branches.key_spans[key], inner, branches.value_spans[key])
        return _replaced(row, "branches", changed)
    if isinstance(row.get("layers"), Seq):
        inner = _changed(row["layers"], path, change, name, changes, findings)
        return None if inner is None else _replaced(row, "layers", inner)
    help = "rows inside a block are changed by giving the block anew under `blocks:`"
    if isinstance(branches, Map):
        help = did_you_mean(key, branches) or help
    findings.add("E411", f"the parent has no row {name}", changes.key_spans[name], label="unknown", help=help)
    return None


def _moved(rows: Seq, index: int, change: Map, name: str, findings: Findings) -> Seq | None:
    if len(change) > 1:
        findings.add(
            "E412",
            f"a change of {name} does one thing, and this one does {len(change)}: {', '.join(change)}",
            change.span,
            label="more than one",
            help="use one of remove, replace, before and after; set attributes in `replace`",
        )
        return None
    ((key, value),) = change.items()
    if key == "remove" and value is True:
        return _with(rows, index, [])
    if key in PLACEMENTS and isinstance(value, Seq) and value:
        old = rows[index]
        return _with(rows, index, {"before": [*value, old], "after": [old, *value], "replace": [*value]}[key])
    wanted, help = "a list of rows", "put brackets around it: [{type: …}]" if isinstance(value, Map) else None
    if key == "remove":
        wanted, help = "true", "leave it out to keep the row"
    elif key == "replace" and not value:
        help = "to remove the row: {remove: true}"
    findings.add(
        "E104",
        f"`{key}` of {name} wants {wanted}, not {shown(value)}",
        change.value_spans[key],
        label="not this",
        help=help,
    )
    return None


def _row_with(row: Map, change: Map, name: str, findings: Findings) -> Map:
    changed = row.copied()
    for key, value in change.items():
        if plain(row.get(key)) == plain(value) and (key in row or value is None):
            findings.add(
                "E405",
                f"{key} of {name} is what the parent has already" if key in row else f"{name} has no `{key}` to remove",
                change.value_spans[key],
                label="changes nothing",
                help="leave it out",
                related=(Related(row.value_spans.get(key, row.span), "the parent's"),),
            )
        elif value is None:
            changed.pop(key, None)
        else:
            changed.put(key, change.key_spans[key], value, change.value_spans[key])
    return changed


def _with(rows: Seq, index: int, replacement: list[Any]) -> Seq:
    changed = Seq(rows.span)
    for position, row in enumerate(rows):
        for item in replacement if position == index else [row]:
            changed.put(item, item.span if isinstance(item, Map) else rows.item_spans[position])
    return changed


def _replaced(row: Map, key: str, value: Any) -> Map:
    changed = row.copied()
    changed.put(key, row.key_spans[key], value, row.value_spans[key])
    return changed

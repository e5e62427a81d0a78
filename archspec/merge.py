"""Sections of one file over those of another: what a child, or a variant, changes in its parent."""

from __future__ import annotations

from archspec.changes import apply_changes
from archspec.diagnostic import Findings, Related
from archspec.document import Map, plain
from archspec.source import Span

ROW_SECTIONS = ("layers", "table")
MERGED_TWICE = ("defaults", "train")
"""sections whose entries are mappings that are merged themselves"""
_MERGED = ("params", "blocks", "variants", "recipes", *MERGED_TWICE)
_OWN = ("extends", "use", "changes")


def child_over_parent(parent: Map, child: Map, findings: Findings) -> Map:
    """The parent with the child's sections over it."""
    merged = parent.copied(child.span)
    for key in child:
        if key in _OWN or (child[key] is None and key not in ("input", "layers")):
            continue  # an empty section, its entries commented out perhaps, takes nothing away
        if key in _MERGED and isinstance(child[key], Map):
            overlay(merged, child, key, findings)
        else:
            if key in ROW_SECTIONS:
                for other in ROW_SECTIONS:
                    merged.pop(other, None)
            elif key in merged and plain(merged[key]) == plain(child[key]):
                _changes_nothing(findings, f"`{key}`", child.value_spans[key], merged.value_spans[key])
            merged.put(key, child.key_spans[key], child[key], child.value_spans[key])
    if isinstance(child.get("changes"), Map):
        rows = apply_changes(merged.get("layers"), child["changes"], findings)
        if rows is not None:
            merged.put("layers", merged.key_spans["layers"], rows, merged.value_spans["layers"])
    for key in _OWN:
        merged.pop(key, None)
    return merged


def overlay(merged: Map, child: Map, key: str, findings: Findings) -> None:
    """Put the entries of the child's section over those of the parent's."""
    section = merged[key].copied(child[key].span) if isinstance(merged.get(key), Map) else Map(child[key].span)
    for name, value in child[key].items():
        if name in section and plain(section[name]) == plain(value):
            _changes_nothing(findings, f"{key}.{name}", child[key].value_spans[name], section.value_spans[name])
        if key in MERGED_TWICE and isinstance(section.get(name), Map) and isinstance(value, Map):
            # with a `type` it is another thing altogether
            value = value if key == "train" and "type" in value else section[name].with_entries(value)
        if key == "train" and value is None:
            section.pop(name, None)
            continue
        section.put(name, child[key].key_spans[name], value, child[key].value_spans[name])
    merged.put(key, child.key_spans[key], section, child.value_spans[key])


def _changes_nothing(findings: Findings, what: str, span: Span, parent: Span) -> None:
    findings.add(
        "E405",
        f"{what} is what the parent has already",
        span,
        label="changes nothing",
        help="leave it out",
        related=(Related(parent, "the parent's"),),
    )

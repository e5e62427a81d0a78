"""What the command line changes besides parameters: the recipe, and keys of the `train:` section."""

from __future__ import annotations

from typing import Any

from archspec.diagnostic import Findings
from archspec.document import Map
from archspec.source import Span
from archspec.suggest import did_you_mean
from archspec.validation import shown

SETTING = "train."


def with_recipe(root: Map, name: str, findings: Findings) -> Map:
    """The root with one of its recipes in the place of `train:`."""
    recipes = root.get("recipes")
    known = recipes if isinstance(recipes, Map) else Map(root.span)
    if name not in known:
        has_none = None if known else "it has none: leave --recipe out"
        findings.add("E914", f"there is no recipe {shown(name)}", None, help=did_you_mean(name, known) or has_none)
        return root
    changed = root.copied()
    changed.put("train", known.key_spans[name], known[name], known.value_spans[name])
    return changed


def with_setting(root: Map, path: str, span: Span, value: Any, place: Span) -> Map:
    """The root with a key of `train:` set, as `--set train.optimizer.rate=0.1` asks."""
    *above, key = path.split(".")
    return _put(root, above, key, span, value, place)


def _put(map: Map, above: list[str], key: str, span: Span, value: Any, place: Span) -> Map:
    changed = map.copied()
    if not above:
        if value is None:  # which is the default again
            changed.pop(key, None)
        else:
            changed.put(key, span, value, place)
        return changed
    name, *rest = above
    inner = map.get(name)
    if isinstance(inner, str):  # `optimizer: adam` with a change inside is `optimizer: {type: adam, …}`
        named = Map(map.value_spans[name])
        named.put("type", map.key_spans[name], inner, map.value_spans[name])
        inner = named
    section = inner if isinstance(inner, Map) else Map(span)
    changed.put(name, map.key_spans.get(name, span), _put(section, rest, key, span, value, place), place)
    return changed

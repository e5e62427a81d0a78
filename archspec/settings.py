"""What the command line changes besides parameters: the recipe, and keys of the `train:` section."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from archspec.diagnostic import Findings
from archspec.document import Map
from archspec.source import Span
from archspec.suggest import did_you_mean, nearest, nearest_attribute
from archspec.validation import shown

if TYPE_CHECKING:
    from pydantic import BaseModel

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


def meant_by(name: str, value: str, known: Collection[str]) -> str | None:
    """Help for a parameter that a spec does not have: one of those `known`, or a key of `train:`."""
    key = None if nearest(name, known) else _key_of_training(name)
    if key is not None:
        return f"of `train:` it is --set {key}={value}"
    return did_you_mean(name, known) or (None if known else "it has no parameters at all")


def _key_of_training(name: str) -> str | None:
    """What `epochs`, `lr` or `optimizer.rate` are called in `train:`; None where nothing is like it."""
    from archspec.training import SECTIONS, TrainKeys  # which only somebody who mistypes waits for

    inside = {section: sorted(_keys_of(models) - {"type"}) for section, models in SECTIONS.items()}
    homes = [(key, section) for section, keys in inside.items() for key in keys if section != "unfreeze"]
    owners = {key: section for key, section in homes if [other for other, _ in homes].count(key) == 1}
    owners |= dict.fromkeys(inside["optimizer"], "optimizer")
    head, dot, rest = name.partition(".")
    section, key = None, head
    if head in owners and head not in TrainKeys.model_fields:
        section = owners[head]
    elif (near := nearest_attribute(head, TrainKeys.model_fields)) is not None:
        key = near
        if near in inside and (inner := nearest_attribute(head, inside[near])) is not None:
            section, key = near, inner
    elif (near := nearest(head, owners)) is not None:
        section, key = owners[near], near
    else:
        return None
    return SETTING + (f"{section}." if section else "") + key + dot + rest


def _keys_of(models: Iterable[type[BaseModel]]) -> set[str]:
    return {key for model in models for key in model.model_fields}


def with_setting(root: Map, path: str, span: Span, value: Any, place: Span) -> Map:
    """The root with a key of `train:` set, as `--set train.optimizer.rate=0.1` asks."""
    *above, key = path.split(".")
    train = root.get("train")
    if len(above) == 2 and isinstance(train, Map) and above[1] not in train and (type := _default_type(above[1])):
        root = _put(root, above, "type", span, type, place)
    return _put(root, above, key, span, value, place)


def _default_type(section: str) -> str | None:
    """The `type` that a section of `train:` has where it is not written; None for a section without one."""
    from archspec.training import TrainKeys

    field = TrainKeys.model_fields.get(section)
    return getattr(field.default, "type", None) if field is not None else None


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

"""Weights of another implementation, each put where the spec has its like."""

from __future__ import annotations

import collections.abc
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from archspec.graph import Graph
from compiler.failure import WeightsError
from compiler.port.complaints import ambiguity, misfits, no_order, unknown_names
from compiler.port.mapping import Mapping, is_within
from compiler.port.placed import Placement, Port
from compiler.port.refine import Refinement
from compiler.port.search import Search, TooManyOrders
from compiler.port.source import (
    Grouping,
    Key,
    Unit,
    groupings,
    has_maps_last,
    in_torch_layout,
    parts,
    tree,
    units,
)
from compiler.port.target import Keys, Slot, Target, depth_first
from compiler.weights.files import Weights
from compiler.weights.load import COUNTER
from compiler.weights.names import entries_of


def port(
    weights: Weights, graph: Graph, paths: collections.abc.Mapping[str, str], mapping: Mapping | None = None
) -> Port:
    """Put each tensor of `weights` where the graph has its like.

    `paths` gives the module of each node; `mapping` what a person says of some. Raises `WeightsError` where a
    tensor finds no place, or more than one that nothing tells apart.
    """
    mapping = mapping or Mapping()
    notes = list(weights.notes)
    found = units(_without_copies(weights.tensors, notes))
    slots = Target(graph, graph.nodes).slots
    if problems := unknown_names(mapping, [unit.path for unit in found], [slot.name for slot in slots]):
        raise WeightsError(problems)
    found = [unit for unit in found if not is_within(unit.path, mapping.leave_out)]
    slots = [slot for slot in slots if not is_within(slot.name, mapping.fresh)]
    keys = Keys(slots)
    found, slots = _without_heads(found, slots, graph, keys, notes)
    have, want = _counted(found, keys), _counted(slots, keys)
    if have != want:
        raise WeightsError(misfits(graph.name, found, slots, keys, have, want))
    wanted = {slot.name for slot in slots}
    targets = [Target(graph, nodes, wanted) for nodes in (graph.nodes, depth_first(graph))]
    target, order = _arranged(targets, keys, found, weights.ordered, mapping)

    def reason(slot: Slot, unit: Unit) -> str:
        alike = have[keys.of(slot.shapes)]
        return "mapping" if mapping.speaks_of(unit) else "shape" if alike == 1 else f"order, of {alike} alike"

    return _placed(weights, graph, paths, list(zip(target.slots, order, strict=True)), reason, notes)


def _without_copies(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """The tensors without those that are another one under a second name, as where two modules share weights."""
    first: dict[object, str] = {}
    kept: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        memory = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if tensor.numel() and first.setdefault(memory, name) != name:
            notes.append(f"{name} is {first[memory]} under a second name")
        else:
            kept[name] = tensor
    return kept


def _counted(held: Sequence[Unit] | Sequence[Slot], keys: Keys) -> Counter[Key]:
    return Counter(keys.of(each.shapes) for each in held)


def _without_heads(
    found: list[Unit], slots: list[Slot], graph: Graph, keys: Keys, notes: list[str]
) -> tuple[list[Unit], list[Slot]]:
    """Both sides without the heads for training that only one of them has: inference does not need them."""
    inference = {node.name for node in graph.inference_nodes}
    rest = [unit for unit in found if not any(word.startswith("aux") for word in unit.words)]
    needed = [slot for slot in slots if slot.node.name in inference]
    if len(needed) == len(slots) and _counted(rest, keys) == _counted(slots, keys) != _counted(found, keys):
        notes.append("the source's auxiliary heads are left out: the spec has none")
        return rest, slots
    if len(rest) == len(found) and _counted(found, keys) == _counted(needed, keys) != _counted(slots, keys):
        notes.append("the spec's heads for training stay fresh: the source has none")
        return found, needed
    return found, slots


def _arranged(
    targets: Sequence[Target], keys: Keys, found: Sequence[Unit], ordered: bool, mapping: Mapping
) -> tuple[Target, tuple[Unit, ...]]:
    """The spec's slots in an order, and the units for them."""
    too_many = False
    for grouping in groupings(found):
        for target in targets:
            search = Search(target, keys, found, ordered=ordered, is_allowed=mapping.allows)
            try:
                order = search.run_as_written(found) if grouping == "none" else search.run(tree(found, grouping))
            except TooManyOrders:
                too_many = True
                continue
            if order is None:
                continue
            refinement = Refinement(target, search.slot_keys, mapping.allows, partial(_parts, grouping=grouping))
            chosen, rival = refinement.run(order.units)
            if rival is None and order.rival is not None:
                chosen, rival = order.units, order.rival
            if rival is not None:
                raise WeightsError([ambiguity(target.slots, chosen, rival)])
            return target, chosen
    raise WeightsError([no_order(targets[0].graph.name, too_many=too_many)])


def _parts(unit: Unit, grouping: Grouping) -> list[str]:
    return parts(unit.path, grouping)


def _placed(
    weights: Weights,
    graph: Graph,
    paths: collections.abc.Mapping[str, str],
    pairs: Sequence[tuple[Slot, Unit]],
    reason: Callable[[Slot, Unit], str],
    notes: list[str],
) -> Port:
    tensors: dict[str, Tensor] = {}
    placements: list[Placement] = []
    uncounted = 0
    for slot, unit in pairs:
        prefix = f"{paths[slot.node.name]}.{slot.part}"
        entries = {unit.entries[role]: prefix + role for role in slot.shapes}
        change = ""
        for role, wanted in slot.shapes.items():
            name = unit.entries[role]
            tensor = weights.tensors[name]
            tensors[prefix + role] = _fitted(name, tensor, wanted, slot)
            if tensor.shape != wanted:
                change = f"{role} {'x'.join(map(str, tensor.shape))} as {'x'.join(map(str, wanted))}"
        for role in slot.counters:
            name = unit.entries.get(COUNTER)
            if name is None:
                uncounted += 1
                tensors[prefix + role] = torch.tensor(0)
            else:
                entries[name] = prefix + role
                tensors[prefix + role] = weights.tensors[name].clone()
        placements.append(Placement(unit.name, slot.name, entries, reason(slot, unit), change))
    if uncounted:
        notes.append(f"{uncounted} norms of the source have no count of batches, which begins at 0")
    moved = {name for each in placements for name in each.entries}
    for node in graph.nodes:
        if node.shares is not None:  # the same values, where both are modules of their own
            owned = entries_of(graph.by_name[node.shares], paths)
            for name, owner in zip(entries_of(node, paths), owned, strict=True):
                if owner in tensors:
                    tensors.setdefault(name, tensors[owner])
    names = list(dict.fromkeys(name for node in graph.nodes for name in entries_of(node, paths)))
    return Port(
        {name: tensors[name] for name in names if name in tensors},
        tuple(placements),
        tuple(name for name in weights.tensors if name not in moved),
        tuple(name for name in names if name not in tensors),
        tuple(notes),
    )


def _fitted(name: str, tensor: Tensor, wanted: tuple[int, ...], slot: Slot) -> Tensor:
    """The tensor in torch's layout and the wanted shape."""
    tensor = in_torch_layout(name, tensor)
    if has_maps_last(name) and tensor.dim() == 2 and len(slot.image) == 3:
        maps, height, width = slot.image
        tensor = tensor.unflatten(1, (height, width, maps)).movedim(-1, 1)
    return tensor.reshape(wanted).contiguous().clone()

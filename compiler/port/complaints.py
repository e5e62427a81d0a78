"""Why weights can't be ported, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from archspec.diagnostic import Diagnostic
from archspec.suggest import did_you_mean
from compiler.port.mapping import Mapping, is_within
from compiler.port.placed import shortened
from compiler.port.source import Key, Unit, listed_shapes
from compiler.port.target import Keys, Slot

_DETAILED = 3


def unknown_names(mapping: Mapping, paths: Sequence[str], rows: Sequence[str]) -> list[Diagnostic]:
    """The names of a mapping that neither side has."""
    return [
        Diagnostic("E805", f"{whose} `{name}`", None, help=did_you_mean(name, _prefixes(known)))
        for names, known, whose in (
            ((*mapping.modules, *mapping.leave_out), paths, "the source has no module"),
            (
                (*mapping.modules.values(), *mapping.fresh),
                rows,
                "no row or block with weights is named",
            ),
        )
        for name in dict.fromkeys(names)
        if not any(is_within(path, [name]) for path in known)
    ]


def _prefixes(paths: Iterable[str]) -> set[str]:
    return {".".join(path.split(".")[:length]) for path in paths for length in range(1, path.count(".") + 2)}


def misfits(
    spec: str, found: Sequence[Unit], slots: Sequence[Slot], keys: Keys, have: Counter[Key], want: Counter[Key]
) -> list[Diagnostic]:
    """The modules of the source, and the rows of the spec, that have no counterpart."""
    problems: list[Diagnostic] = []
    surplus, lacking = have - want, want - have
    if surplus:
        extra = [(keys.of(unit.shapes), unit.name, listed_shapes(unit.shapes)) for unit in found]
        problems.append(
            Diagnostic(
                "E803",
                f"the source has more than {spec} has a place for: {_listed(extra, surplus)}",
                None,
                help=f"to do without some of it: --leave-out {_last(extra, surplus)}",
            )
        )
    if lacking:
        empty = [(keys.of(slot.shapes), slot.name, listed_shapes(slot.shapes)) for slot in slots]
        problems.append(
            Diagnostic(
                "E803",
                f"{spec} has more than the source has weights for: {_listed(empty, lacking)}",
                None,
                help=f"to leave a row as initialised: --fresh {_last(empty, lacking)}",
            )
        )
    return problems


def _listed(members: Sequence[tuple[Key, str, str]], counts: Counter[Key]) -> str:
    """The members that are too many, by what they hold."""
    parts: list[str] = []
    for key, count in list(counts.items())[:_DETAILED]:
        alike = [(name, shapes) for other, name, shapes in members if other == key]
        one_of = "" if len(alike) == count else f"{count} of "
        parts.append(f"{one_of}{shortened(name for name, _ in alike)} ({alike[0][1]})")
    if len(counts) > _DETAILED:
        parts.append(f"and {sum(list(counts.values())[_DETAILED:])} more")
    return "; ".join(parts)


def _last(members: Sequence[tuple[Key, str, str]], counts: Counter[Key]) -> str:
    return next(name for key, name, _ in reversed(members) if counts[key])


def ambiguity(slots: Sequence[Slot], order: Sequence[Unit], rival: Sequence[Unit]) -> Diagnostic:
    """Two ways to place the weights between which nothing decides."""
    differing = [(slot, one, other) for slot, one, other in zip(slots, order, rival, strict=True) if one is not other]
    slot, one, other = differing[0]
    places = [each.name for each, unit, _ in differing if unit is other]
    rest = f", and {len(differing) - 2} more modules with them" if len(differing) > 2 else ""
    return Diagnostic(
        "E804",
        f"{one.name} and {other.name} of the source both fit {slot.name} and {', '.join(places)}{rest}: "
        "neither their names nor the file's order says which goes where",
        None,
        help=f"decide in a file for --mapping: `modules: {{{one.path}: {slot.name}}}`",
    )


def no_order(spec: str, *, too_many: bool) -> Diagnostic:
    """Shapes that agree, and modules that do not."""
    return Diagnostic(
        "E804",
        f"the source holds the shapes of {spec}, but its names leave "
        + ("too many orders open" if too_many else "no order in which its modules could run through the rows"),
        None,
        help="say in a file for --mapping where some of its modules go, as in `modules: {layer1: conv2}`",
    )

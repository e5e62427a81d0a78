"""Functions with what is the same about them in every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.operators.backward import OUTPUT, Function, Ref


@dataclass(frozen=True, slots=True)
class Prepared:
    """A function, and what no name holds after it."""

    function: Function
    results_end: tuple[str, ...]
    """results of functions"""
    casts_end: tuple[Ref, ...]
    """what autocast has turned into another type"""
    is_contiguous: bool
    """whether a slice of a larger tensor is copied first"""


def prepared(functions: Sequence[Function]) -> tuple[Prepared, ...]:
    """The functions of an operator, in order."""
    results: dict[Ref, int] = {}
    casts: dict[Ref, int] = {}
    seen: dict[Ref, Ref] = {}
    """of views what they look at"""
    for index, function in enumerate(functions):
        results[function.result] = index
        casts.update(dict.fromkeys(function.casts, index))
        for ref in (*(argument.value for argument in function.arguments), *function.saves, *function.holds):
            for each in (ref, seen[ref]) if ref in seen else (ref,):
                for last in (results, casts):
                    if each in last:
                        last[each] = index
        if function.size is None:
            seen[function.result] = seen.get(function.arguments[0].value, function.arguments[0].value)
    results.pop(OUTPUT, None)
    return tuple(
        Prepared(
            function,
            tuple(str(ref) for ref, last in results.items() if last == index),
            tuple(ref for ref, last in casts.items() if last == index),
            any(argument.contiguous for argument in function.arguments),
        )
        for index, function in enumerate(functions)
    )

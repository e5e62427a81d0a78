"""What frameworks leave out of their summaries: kernels that the parameters of a row, or the sizes around it, imply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from archspec.diagnostic import Findings
from archspec.operators.operator import Operator
from archspec.shape import Shape
from archspec.table_rows import TableRow, read_claim
from archspec.tables.window import Above

_LARGEST_KERNEL = 31


def put_implied_kernel(row: TableRow, operator: type[Operator], above: Above, findings: Findings) -> None:
    """The kernel that a table leaves out, with N501."""
    field = operator.model_fields.get("kernel")
    if field is None or not field.is_required() or "kernel" in row:
        return
    if row.get("parameters") and above.maps is not None:
        found = _by_parameters(row, operator, above.maps)
        span, why = row.value_spans["parameters"], f"its {row['parameters']:,} parameters need it"
    elif (
        (size := read_claim(row.get("size")))
        and operator.role == "pool"
        and "stride" not in row
        and above.area is not None
    ):
        found = _by_sizes(above.area, size)
        span, why = row.value_spans["size"], f"windows side by side make its size of {above.area[0]}x{above.area[1]}"
    else:
        return
    for name, value in found.items():
        row.put(name, span, value, span)
    if found:
        said = ", ".join(f"{name}: {str(value).lower()}" for name, value in found.items())
        name = row.get("name", row["type"])
        findings.add("N501", f"{said} for {name}, which the table leaves out: {why}", span, label="implied")


def _by_parameters(row: TableRow, operator: type[Operator], maps: int) -> dict[str, Any]:
    """The square kernel, and perhaps the missing bias, with which the row has the parameters that it claims.

    There is one at most: a bias adds one weight a map, and no larger kernel adds so few.
    """
    image = Shape.of(maps, _LARGEST_KERNEL, _LARGEST_KERNEL)
    given = {name: value for name, value in row.items() if name in operator.model_fields}
    for attributes in _kernels(operator):
        try:
            candidate = operator.model_validate({**given, **attributes})
        except ValidationError:
            return {}
        if candidate.parameter_count((image,)) == row["parameters"]:
            return attributes
    return {}


def _kernels(operator: type[Operator]) -> Iterator[dict[str, Any]]:
    biases: list[dict[str, Any]] = [{}, {"bias": False}] if "bias" in operator.model_fields else [{}]
    for kernel in range(1, _LARGEST_KERNEL + 1):
        for bias in biases:
            yield {"kernel": kernel, **bias}


def _by_sizes(above: tuple[int, int], size: tuple[int, ...]) -> dict[str, Any]:
    """The window that covers a map without overlap, where one does."""
    high, wide = above
    low, narrow = (size * 2)[-2], size[-1]
    if not low or not narrow or high % low or wide % narrow or high // low != wide // narrow or high == low:
        return {}
    return {"kernel": high // low}

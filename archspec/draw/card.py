"""A card: what a picture shows of one row or block."""

from __future__ import annotations

from archspec.draw.figures import TIMES, Unit, shape_text
from archspec.draw.letters import fitted, label, width
from archspec.draw.palette import KINDS
from archspec.draw.scene import BODY, SMALL, TITLE, Box, Group, Item, Rect, Text
from archspec.report.units import bytes_text

STRIPE = 4.0
"""the width of the strip at a card's left side that shows its kind"""
SHADOW = 2.4
"""how far the cards behind a stack's first one look out"""
_PAD = 5.0


def card(unit: Unit, box: Box, title: str, lines: tuple[str, ...], bar: float | None = None) -> Group:
    """The card of a unit: title, lines below it and a bar for its share, all inside of `box`."""
    inside = box.width - STRIPE - 2 * _PAD
    middle = box.x + STRIPE + (box.width - STRIPE) / 2
    texts: list[Item] = []
    lines = tuple(line for line in lines if line)
    height = TITLE + sum(_leading(index) for index in range(len(lines)))
    y = box.y + (box.height - height) / 2 + 0.86 * TITLE - (1.2 if bar is not None else 0)
    texts.append(Text(middle, y, fitted(title, TITLE, inside, bold=True), TITLE, bold=True, anchor="middle"))
    for index, line in enumerate(lines):
        y += _leading(index)
        size, fill = (BODY, "text") if index == 0 else (SMALL, "quiet")
        texts.append(Text(middle, y, fitted(line, size, inside), size, anchor="middle", fill=fill))
    return Group("layer", unit.name, (*outline(unit, box), *texts, *_bar(unit, box, bar)), tooltip(unit), box)


def _leading(index: int) -> float:
    return 9.4 if index == 0 else 8.6


def natural_width(title: str, lines: tuple[str, ...]) -> float:
    """The width at which no text of a card has to be shortened."""
    smaller = (width(label(line), BODY if index == 0 else SMALL) for index, line in enumerate(lines))
    wide = max(width(label(title), TITLE, bold=True), *smaller)
    return wide + STRIPE + 2 * _PAD + 1


def outline(unit: Unit, box: Box) -> tuple[Item, ...]:
    """The card itself; for a stack, those behind it."""
    edge, fill = f"{unit.kind}.edge", f"{unit.kind}.fill"
    behind = [
        Rect(Box(box.x + shift, box.y + shift, box.width, box.height), fill, edge, 3.0)
        for shift in ((2 * SHADOW, SHADOW) if unit.times > 1 else ())
    ]
    strip = Rect(Box(box.x, box.y, STRIPE, box.height), edge, None, 2.0)
    return (*behind, Rect(box, fill, edge, 3.0), strip)


def _bar(unit: Unit, box: Box, share: float | None) -> tuple[Item, ...]:
    if not share:
        return ()
    room = box.width - STRIPE - 2 * _PAD
    return (Rect(Box(box.x + STRIPE + _PAD, box.bottom - 4.2, max(room * share, 0.6), 2.0), f"{unit.kind}.edge"),)


def tooltip(unit: Unit) -> str:
    """What is said of a layer when it is pointed at, with its full name."""
    repeated = f" {TIMES}{unit.times}" if unit.times > 1 else ""
    said = [f"{unit.name}{repeated}: {unit.title}", unit.detail, f"kind: {KINDS[unit.kind]}",
            f"output {shape_text(unit.shape)}, {bytes_text(4 * unit.shape.elements)} in float32"]  # fmt: skip
    if unit.trainable or unit.other:
        said.append(f"{unit.trainable:,} parameters" + (f" and {unit.other:,} not trained" if unit.other else ""))
    if unit.macs:
        said.append(f"{unit.macs:,} MACs")
    return "\n".join(each for each in said if each)

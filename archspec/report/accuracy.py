"""The plot of several models: which of them have a published accuracy, and where they lie."""

from __future__ import annotations

from collections.abc import Iterable

from archspec.published import accuracy, member_name
from archspec.report.compare import Figures
from archspec.report.plot import Point, scatter


def accuracy_plot(models: Iterable[Figures], *, as_published: bool = True) -> str:
    """An SVG of some models; those of another input or other parameters have no published accuracy."""
    points: list[Point] = []
    unpublished: list[str] = []
    for model in models:
        name = member_name(model.name) if as_published else None
        top1 = None if name is None else accuracy(name).top1
        if name is None or top1 is None:
            unpublished.append(model.name)
        else:
            points.append(Point(name, name.partition("/")[0], model.macs, model.trainable, top1))
    return scatter(points, unpublished)

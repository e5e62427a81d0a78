"""Loss and accuracy over epochs as an SVG: one file, no scripts, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, isfinite, log10
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 960, 360
_TOP, _BOTTOM, _LEFT, _GAP = 70, 52, 58, 70
_PANEL = (_WIDTH - 2 * _LEFT - _GAP + 30) / 2
_STYLE = """\
svg { background: #ffffff; color-scheme: light dark; }
text { font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; font-size: 11px; fill: #24292f; }
.title { font-size: 17px; font-weight: bold; }
.quiet { fill: #57606a; }
.grid { stroke: #d8dee4; stroke-width: 1; }
.a, .b { fill: none; stroke-width: 2; stroke-linejoin: round; }
.a { stroke: #0969da; } .b { stroke: #bc4c00; }
.da { fill: #0969da; } .db { fill: #bc4c00; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; }
  text { fill: #e6edf3; }
  .quiet { fill: #9198a1; }
  .grid { stroke: #2a313c; }
  .a { stroke: #58a6ff; } .b { stroke: #f0883e; }
  .da { fill: #58a6ff; } .db { fill: #f0883e; }
}
"""


def curve(history: Sequence[Mapping[str, float]], title: str) -> str:
    """The curves of a run's table of epochs."""
    judged = next((name.removesuffix("_loss") for name in (history[0] if history else ()) if _is_other(name)), "test")
    epochs = [row["epoch"] for row in history]
    panels = [("loss", 1.0, "loss"), ("accuracy", 100.0, "accuracy, percent")]
    panels = [panel for panel in panels if history and f"train_{panel[0]}" in history[0]]
    said = "; ".join(f"{name} {history[-1][name]:.4g}" for name in history[-1]) if history else "no epoch"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape("after the last epoch: " + said)}</desc>',
        f"<style>\n{_STYLE}</style>",
        f'<text class="title" x="16" y="28">{escape(title)}</text>',
    ]
    for index, (figure, scale, label) in enumerate(panels):
        left = _LEFT + index * (_PANEL + _GAP)
        lines = {split: [row[f"{split}_{figure}"] * scale for row in history] for split in ("train", judged)}
        parts += _panel(left, label, epochs, lines)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _is_other(name: str) -> bool:
    return name.endswith("_loss") and name != "train_loss"


def _panel(left: float, label: str, epochs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, left + _PANEL
    values = [value for line in lines.values() for value in line if isfinite(value)] or [0.0, 1.0]
    low, high, step = _scale(min(values), max(values))
    first, last = (min(epochs), max(epochs)) if epochs else (0.0, 1.0)

    def x(epoch: float) -> float:
        return left + (epoch - first) / ((last - first) or 1) * _PANEL

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - _TOP)

    yield f'<text x="{left:.0f}" y="{_TOP - 12}">{label}</text>'
    for index in range(round((high - low) / step) + 1):
        value = low + index * step
        yield f'<line class="grid" x1="{left:.1f}" y1="{y(value):.1f}" x2="{right:.1f}" y2="{y(value):.1f}"/>'
        yield f'<text x="{left - 8:.1f}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.6g}</text>'
    stride = max(ceil((last - first) / 10), 1)
    for epoch in range(int(first), int(last) + 1, stride):
        yield f'<text x="{x(epoch):.1f}" y="{bottom + 18}" text-anchor="middle">{epoch}</text>'
    yield f'<text class="quiet" x="{(left + right) / 2:.1f}" y="{bottom + 38}" text-anchor="middle">epoch</text>'
    legend = right
    for style, (split, line) in reversed(list(zip("ab", lines.items(), strict=True))):
        points = [(x(epoch), y(value)) for epoch, value in zip(epochs, line, strict=True) if isfinite(value)]
        if len(points) == 1:
            yield f'<circle class="d{style}" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3"/>'
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
        yield f'<polyline class="{style}" points="{path}"/>'
        legend -= 8 + 6.2 * len(split)
        yield f'<text x="{legend:.1f}" y="{_TOP - 12}">{split}</text>'
        yield f'<circle class="d{style}" cx="{legend - 9:.1f}" cy="{_TOP - 16}" r="4"/>'
        legend -= 22


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round numbers around two, and the step between grid lines."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= 6)
    return floor(low / step) * step, ceil(high / step) * step if high > low else floor(low / step) * step + step, step

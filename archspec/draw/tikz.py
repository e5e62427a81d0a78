"""A scene as TikZ, to be put into a LaTeX document with `\\input`."""

from __future__ import annotations

from archspec.draw.letters import EN_DASH
from archspec.draw.palette import Theme, colours
from archspec.draw.scene import Path, Raster, Scene, Text, drawn

_ESCAPED = {
    **{letter: f"\\{letter}" for letter in "#$%&_{}"},
    "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "\\textless{}",
    ">": "\\textgreater{}", "|": "\\textbar{}", '"': "\\char34{}", "\N{MULTIPLICATION SIGN}": "$\\times$",
    "\N{MIDDLE DOT}": "$\\cdot$", EN_DASH: "--", "-": "{-}", "`": "\\textasciigrave{}", "'": "\\textquotesingle{}",
    "\N{NO-BREAK SPACE}": "~", "\N{SOFT HYPHEN}": "",
}  # fmt: skip


def tikz(scene: Scene, theme: Theme = "auto") -> str:
    """The picture as a `tikzpicture` without its images; its document loads nothing but the package tikz."""
    inks = colours(theme)
    items = [item for item in drawn(scene.items) if not isinstance(item, Raster)]
    roles = {role for item in items for role in _roles(item)} | {"paper"}
    lines = [
        "% needs \\usepackage{tikz} in the preamble; \\usepackage[scaled]{helvet} makes its letters Helvetica",
        "\\begingroup",
        *(f"\\definecolor{{{_name(role)}}}{{HTML}}{{{inks[role][1:].upper()}}}" for role in sorted(roles)),
        "\\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, inner sep=0pt, outer sep=0pt]",
        f"\\path[use as bounding box] (0,0) rectangle ({_number(scene.width)},{_number(scene.height)});",
    ]
    if theme == "dark":
        lines.append(f"\\fill[as-paper] (0,0) rectangle ({_number(scene.width)},{_number(scene.height)});")
    lines += [_path(item) if isinstance(item, Path) else _text(item) for item in items]
    return "\n".join([*lines, "\\end{tikzpicture}", "\\endgroup"]) + "\n"


def _roles(item: Path | Text) -> tuple[str, ...]:
    roles = (item.fill, item.edge) if isinstance(item, Path) else (item.fill,)
    return tuple(role for role in roles if role is not None)


def _name(role: str) -> str:
    return f"as-{role.replace('.', '-')}"


def _path(item: Path) -> str:
    options: list[str] = []
    if item.fill is not None:
        options.append(f"fill={_name(item.fill)}")
    if item.edge is not None:
        options.append(f"draw={_name(item.edge)}, line width={_number(item.thickness)}bp")
    if item.dashed:
        options.append("dash pattern=on 3bp off 2bp")
    words: list[str] = []
    for letter, values in item.steps:
        points = [f"({_number(x)},{_number(y)})" for x, y in zip(values[::2], values[1::2], strict=True)]
        match letter:
            case "M":
                words.append(points[0])
            case "L":
                words.append(f"-- {points[0]}")
            case "C":
                words.append(f".. controls {points[0]} and {points[1]} .. {points[2]}")
            case "Z":
                words.append("-- cycle")
    return f"\\path[{', '.join(options)}] {' '.join(words)};"


def _text(item: Text) -> str:
    side = {"start": "base west", "middle": "base", "end": "base east"}[item.anchor]
    series = "\\bfseries" if item.bold else ""
    font = f"\\fontsize{{{_number(item.size)}bp}}{{{_number(1.2 * item.size)}bp}}\\sffamily{series}\\selectfont"
    words = "".join(_ESCAPED.get(letter, letter) for letter in item.text)
    place = f"({_number(item.x)},{_number(item.y)})"
    return f"\\node[anchor={side}, text={_name(item.fill)}, font={font}] at {place} {{{words}}};"


def _number(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

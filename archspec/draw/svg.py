"""A scene as SVG: one file for light and dark, readable by screen readers, nothing from elsewhere."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import blake2s
from xml.sax.saxutils import escape, quoteattr

from archspec.draw.palette import DARK, LIGHT, Theme
from archspec.draw.png_file import encoded
from archspec.draw.scene import Group, Item, Path, Raster, Rect, Route, Scene, Step, Text, walk

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
FONTS = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def svg(scene: Scene, theme: Theme = "auto") -> str:
    """The picture as the text of an SVG file."""
    writer = SvgWriter(theme, prefix_of(scene))
    body = "\n".join(writer.items(scene.items))
    size = f"{number(scene.width)} {number(scene.height)}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{number(scene.width)}pt" height="{number(scene.height)}pt" '
        f'viewBox="0 0 {size}" role="img" aria-labelledby="{writer.prefix}title {writer.prefix}desc" '
        f'font-family="{FONTS}" text-rendering="geometricPrecision">'
    )
    return "\n".join([
        head, f'<title id="{writer.prefix}title">{clean(scene.title)}</title>',
        f'<desc id="{writer.prefix}desc">{clean(scene.description)}</desc>', *writer.style(),
        f'<rect{writer.paint("fill", "paper")} width="100%" height="100%"/>', body, "</svg>",
    ]) + "\n"  # fmt: skip


def prefix_of(scene: Scene) -> str:
    """What the ids of a picture begin with, so that several fit on one page."""
    words = "\n".join([scene.name, *(item.text for item in walk(scene.items) if isinstance(item, Text))])
    return f"a{blake2s(words.encode(), digest_size=4).hexdigest()}-"


class SvgWriter:
    """Writes items as elements; with `auto`, in the light scheme with a style sheet for the dark one."""

    def __init__(self, theme: Theme, prefix: str) -> None:
        self.theme = theme
        self.prefix = prefix
        self._colours = DARK if theme == "dark" else LIGHT
        self._used: dict[str, None] = {}
        self._layers = 0

    def style(self) -> list[str]:
        """The style sheet of the roles written so far, where the picture has two schemes."""
        if self.theme != "auto":
            return []
        rules = [
            f".{each} {{ {_property(each)}: {DARK[_role(each)]}; }}" for each in sorted(self._used | {"f-paper": None})
        ]
        scoped = " ".join(rule.replace(".", f".{self.prefix}", 1) for rule in rules)
        return [f"<style>@media (prefers-color-scheme: dark) {{ {scoped} }}</style>"]

    def paint(self, what: str, role: str | None) -> str:
        """The attribute that fills or outlines with a role, and the class that the dark scheme finds it by."""
        if role is None:
            return f' {what}="none"'
        name = f"{what[0]}-{role.replace('.', '_')}"
        self._used[name] = None
        return f' {what}="{self._colours[role]}"' + (f' class="{self.prefix}{name}"' if self.theme == "auto" else "")

    def both(self, fill: str | None, edge: str | None, thickness: float, dashed: bool) -> str:
        """Fill and outline together."""
        filled, outlined = self.paint("fill", fill), self.paint("stroke", edge)
        classes = [text.split('class="')[1].rstrip('"') for text in (filled, outlined) if 'class="' in text]
        if len(classes) == 2:
            filled, outlined = (text.split(' class="')[0] for text in (filled, outlined))
            outlined += f' class="{" ".join(classes)}"'
        line = (
            ""
            if edge is None
            else f' stroke-width="{number(thickness)}"' + (' stroke-dasharray="3 2"' if dashed else "")
        )
        return filled + outlined + line

    def items(self, items: tuple[Item, ...]) -> Iterator[str]:
        """The elements of some items."""
        for item in items:
            match item:
                case Rect():
                    box, radius = item.box, f' rx="{number(item.radius)}"' if item.radius else ""
                    place = (
                        f'x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" '
                        f'height="{number(box.height)}"'
                    )
                    yield f"<rect {place}{radius}{self.both(item.fill, item.edge, item.thickness, item.dashed)}/>"
                case Path():
                    paint = self.both(item.fill, item.edge, item.thickness, item.dashed)
                    join = ' stroke-linejoin="round"' if item.edge else ""
                    yield f'<path d="{path_data(item.steps)}"{paint}{join}/>'
                case Text():
                    yield self._text(item)
                case Raster():
                    yield _image(item)
                case Route():
                    yield from self.items(item.drawn())
                case Group():
                    yield from self._group(item)

    def _text(self, item: Text) -> str:
        bold = ' font-weight="bold"' if item.bold else ""
        anchor = f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
        return (
            f'<text x="{number(item.x)}" y="{number(item.y)}" font-size="{number(item.size)}"{bold}{anchor}'
            f"{self.paint('fill', item.fill)}>{clean(item.text)}</text>"
        )

    def _group(self, item: Group) -> Iterator[str]:
        if item.kind == "plain":
            yield from self.items(item.items)
            return
        self._layers += 1
        yield f'<g id="{self.prefix}{item.kind}{self._layers}" data-name={quoteattr(_legal(item.name))}>'
        if item.title:
            yield f"<title>{clean(item.title)}</title>"
        yield from self.items(item.items)
        yield "</g>"


def _image(item: Raster) -> str:
    box, data = item.box, b64encode(encoded(item.pixels, item.columns, item.rows)).decode()
    return (
        f'<image x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}" '
        f'preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def _property(name: str) -> str:
    return "fill" if name.startswith("f-") else "stroke"


def _role(name: str) -> str:
    return name[2:].replace("_", ".")


def path_data(steps: tuple[Step, ...]) -> str:
    """The `d` of a path."""
    return "".join(letter + " ".join(map(number, values)) for letter, values in steps)


def number(value: float) -> str:
    """A coordinate, to a hundredth."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def clean(text: str) -> str:
    """A text as the content of an element."""
    return escape(_legal(text))


def _legal(text: str) -> str:
    """Without the characters that XML can't have."""
    return "".join("\ufffd" if _ILLEGAL.match(letter) else letter for letter in text)

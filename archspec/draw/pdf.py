"""A scene as PDF, its fonts inside: text stays text, at any size."""

from __future__ import annotations

from importlib.resources import files
from itertools import count
from math import ceil
from zlib import compress

from archspec.draw.letters import EN_DASH, WIDTHS
from archspec.draw.mark import mark_of
from archspec.draw.palette import Theme, colours
from archspec.draw.scene import Path, Raster, Scene, Text, drawn

_LARGEST = 14000.0
"""points that a page may have at each side; beyond, its unit is larger"""
_FONTS = (("regular", "ArchspecSans-Regular", False), ("bold", "ArchspecSans-Bold", True))
_BOX = {False: "-203 -212 957 878", True: "-184 -222 961 896"}
_OPERATORS = {"M": "m", "L": "l", "C": "c", "Z": "h"}


def pdf(scene: Scene, theme: Theme = "auto") -> bytes:
    """The picture as the bytes of a PDF file with one page."""
    unit = max(1, ceil(max(scene.width, scene.height) / _LARGEST))
    content = _content(scene, theme, unit)
    images = [item for item in drawn(scene.items) if isinstance(item, Raster)]
    listed = "".join(f"/I{index} {12 + index} 0 R " for index in range(len(images)))
    size = f"{_number(scene.width / unit)} {_number(scene.height / unit)}"
    scaled = f" /UserUnit {unit}" if unit > 1 else ""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /DisplayDocTitle true >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}]{scaled} /Contents 4 0 R "
        f"/Resources << /Font << /F0 6 0 R /F1 9 0 R >>{f' /XObject << {listed}>>' if images else ''} >> >>".encode(),
        _stream(content),
        f"<< /Title {_hex(scene.title)} /Producer {_hex('archspec')} >>".encode(),
    ]
    for index, (file, name, bold) in enumerate(_FONTS):
        objects += _font(file, name, bold, 6 + 3 * index)
    objects += map(_image, images)
    body = _assembled(objects)
    return body + b"% " + mark_of(body) + b"\n"


def _content(scene: Scene, theme: Theme, unit: int) -> bytes:
    """The drawing operators; y grows downwards in a scene, and upwards in a page."""
    inks = colours(theme)
    lines = [f"{_number(1 / unit, 6)} 0 0 {_number(-1 / unit, 6)} 0 {_number(scene.height / unit)} cm", "1 j 0 J"]
    if theme == "dark":
        lines.append(f"{_ink(inks['paper'])} rg 0 0 {_number(scene.width)} {_number(scene.height)} re f")
    images = count()
    for item in drawn(scene.items):
        match item:
            case Path():
                lines.append(_path(item, inks))
            case Text():
                lines.append(_text(item, inks))
            case Raster():
                lines.append(_placed(item, next(images)))
    return "\n".join(lines).encode("latin-1")


def _path(item: Path, inks: dict[str, str]) -> str:
    words: list[str] = []
    if item.fill is not None:
        words.append(f"{_ink(inks[item.fill])} rg")
    if item.edge is not None:
        words.append(f"{_ink(inks[item.edge])} RG {_number(item.thickness)} w {'[3 2]' if item.dashed else '[]'} 0 d")
    for letter, values in item.steps:
        words.append(" ".join([*map(_number, values), _OPERATORS[letter]]))
    words.append(
        {(True, True): "B", (True, False): "f", (False, True): "S"}[item.fill is not None, item.edge is not None]
    )
    return " ".join(words)


def _text(item: Text, inks: dict[str, str]) -> str:
    encoded = item.text.replace(EN_DASH, "\x96")
    escaped = encoded.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return (
        f"BT /F{int(item.bold)} {_number(item.size)} Tf {_ink(inks[item.fill])} rg "
        f"1 0 0 -1 {_number(item.box.x)} {_number(item.y)} Tm ({escaped}) Tj ET"
    )


def _placed(item: Raster, index: int) -> str:
    box = item.box
    size = f"{_number(box.width)} 0 0 {_number(-box.height)} {_number(box.x)} {_number(box.bottom)}"
    return f"q {size} cm /I{index} Do Q"


def _image(item: Raster) -> bytes:
    kind = "/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
    return _stream(compress(item.pixels, 9), f" {kind} /Width {item.columns} /Height {item.rows}")


def _font(file: str, name: str, bold: bool, first: int) -> list[bytes]:
    """The objects of a font: itself, its description, and its outlines."""
    data = (files("archspec.draw") / "fonts" / f"sans-{file}.ttf").read_bytes()
    table = WIDTHS[bold]
    codes = (EN_DASH if code == 0x96 else chr(code) for code in range(32, 256))
    widths = " ".join(str(table.get(letter, 0)) for letter in codes)
    return [
        f"<< /Type /Font /Subtype /TrueType /BaseFont /{name} /Encoding /WinAnsiEncoding /FirstChar 32 /LastChar 255 "
        f"/Widths [{widths}] /FontDescriptor {first + 1} 0 R >>".encode(),
        f"<< /Type /FontDescriptor /FontName /{name} /Flags 32 /FontBBox [{_BOX[bold]}] /ItalicAngle 0 /Ascent 905 "
        f"/Descent -212 /CapHeight 716 /StemV {140 if bold else 80} /FontFile2 {first + 2} 0 R >>".encode(),
        _stream(data, f" /Length1 {len(data)}"),
    ]


def _stream(data: bytes, more: str = "") -> bytes:
    return f"<< /Length {len(data)}{more} >>\nstream\n".encode() + data + b"\nendstream"


def _assembled(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")
    places: list[int] = []
    for number, each in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + each + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _hex(text: str) -> str:
    encoded = ("\ufeff" + text).encode("utf-16-be", "replace")
    return f"<{encoded.hex()}>"


def _ink(colour: str) -> str:
    return " ".join(_number(int(colour[index : index + 2], 16) / 255, 3) for index in (1, 3, 5))


def _number(value: float, digits: int = 2) -> str:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text

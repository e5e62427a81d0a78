"""Pasted tables: what compiles and to what, what is said of the rest, and where."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archspec.cli.main import main
from archspec.flat import resolve
from archspec.graph import Graph
from archspec.loading import Checked, Options, compile_text
from archspec.source import Source
from tests.conftest import shared
from tests.pasted_tables import TABLES, Pasted, mobilenet

ALL = (*TABLES, mobilenet())


def checked(text: str, name: str = "table.md") -> Checked:
    return compile_text(Source(name, text), Options())


def in_spec(text: str, input: str | None = None) -> str:
    """A spec with the table in a block; the 2 is for first lines that are indented themselves."""
    lines = [f"  {line}".rstrip() for line in text.splitlines()]
    return "\n".join(["name: pasted", *([f"input: {input}"] if input else []), "table: |2", *lines, ""])


def graph_of(text: str, name: str = "table.md") -> Graph:
    result = checked(text, name)
    errors = [each.message for each in result.diagnostics if each.severity == "error"]
    assert result.graph is not None, errors
    return result.graph


def parameters(graph: Graph) -> int:
    tensors = [each for row in graph.rows for node in row.nodes for each in node.parameters()]
    return sum(each.size for each in tensors if each.kind == "trained")


def flat(graph: Graph) -> list[str]:
    """The graph as a spec, without its name."""
    return resolve(graph, origins=False).splitlines()[1:]


def found(result: Checked) -> list[tuple[str, str]]:
    """The code of each diagnostic and the text that it points at."""
    places: list[tuple[str, str]] = []
    for each in result.diagnostics:
        assert each.span is not None
        line = each.span.source.lines[each.span.line]
        places.append((each.code, line[each.span.column : each.span.end_column]))
    return places


# -- tables that compile ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_pasted_table_compiles_to_the_published_numbers(table: Pasted) -> None:
    spec = in_spec(table.text, table.input)
    result = checked(spec, "t.yaml") if table.input else checked(table.text, f"t.{table.suffix}")
    assert [each.message for each in result.diagnostics if each.severity == "error"] == []
    graph = result.graph
    assert graph is not None
    assert parameters(graph) == table.parameters
    assert {index: str(graph.rows[index].shape) for index in table.shapes} == table.shapes
    assert {each.code for each in result.diagnostics} == set(table.notes)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_pasted_table_is_the_same_in_a_spec_and_resolved(table: Pasted) -> None:
    graph = graph_of(in_spec(table.text, table.input), "t.yaml")
    if table.input is None:
        assert flat(graph) == flat(graph_of(table.text, f"t.{table.suffix}"))
    again = checked(resolve(graph), "resolved.yaml")
    assert again.diagnostics == ()
    assert again.graph is not None
    assert flat(again.graph) == flat(graph)


@pytest.mark.parametrize(("file", "count"), [("lenet5.md", 61_696), ("alexnet.md", 62_378_344)])
def test_textbook_table_as_printed(file: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = shared(f"tables/{file}")
    result = checked(path.read_text(), file)
    assert result.diagnostics == ()
    assert result.graph is not None
    assert parameters(result.graph) == count
    assert flat(graph_of(in_spec(path.read_text()), "t.yaml")) == flat(result.graph)
    assert main(["validate", str(path)]) == 0
    assert main(["summarize", str(path)]) == 0
    assert f"{count:,} trainable" in capsys.readouterr().out


@pytest.mark.parametrize("file", ["lenet5.md", "alexnet.md"])
def test_every_size_of_a_textbook_table_is_verified(file: str) -> None:
    text = shared(f"tables/{file}").read_text()
    sizes = list(re.finditer(r"\| (\d+) × \1 +\|(?= \d+ ×)", text))
    assert len(sizes) == {"lenet5.md": 5, "alexnet.md": 8}[file]
    for match in sizes:
        side = int(match[1])
        wrong = text[: match.start()] + match[0].replace(str(side), str(side + 37)) + text[match.end() :]
        assert "E205" in {each.code for each in checked(wrong, file).diagnostics}, match[0]


def test_directions_give_one_graph() -> None:
    header, rule, *rows = TABLES[0].text.splitlines()
    upwards = "\n".join([header, rule, *rows[::-1]])
    assert flat(graph_of(upwards)) == flat(graph_of(TABLES[0].text))


def test_line_ends_of_windows() -> None:
    assert flat(graph_of(TABLES[0].text.replace("\n", "\r\n"))) == flat(graph_of(TABLES[0].text))


def test_table_in_quotes_points_at_the_whole() -> None:
    table = "Type | Maps | Size | Kernel\\nInput | 1 | 8x8 | -\\nConv | 2 | 99x99 | 3\\n"
    result = checked(f'name: quoted\ntable: "{table}"\n', "t.yaml")
    assert found(result) == [("E205", f'"{table}"')]


def test_lines_of_a_table_in_quotes_are_not_looked_for_below_it() -> None:
    table = "Type | Maps\\nInput | 3\\nFC | many"
    result = checked(f'table: "{table}"\nname: t\n\ndescription: FC | many\n', "t.yaml")
    assert found(result) == [("E503", f'"{table}"')]


def test_keywords_and_repeated_names_become_identifiers() -> None:
    rows = "".join(f"| {name} | ReLU |\n" for name in ("lambda", "train", "a b", "a b", "a-b", "a_b_2", "7"))
    graph = graph_of(f"| Name | Type | Size |\n|-|-|-|\n| in | Input | 3 |\n{rows}")
    assert [row.name for row in graph.rows] == ["lambda_", "train_", "a_b", "a_b_2", "a_b_3", "a_b_2_2", "relu1"]


# -- what a table leaves out --------------------------------------------------------------------------


def test_size_implies_the_padding_and_says_so() -> None:
    text = "Name,Type,Maps,Size,Kernel\nin,Input,1,28x28,\nC1,Conv,4,28x28,5\n"
    result = checked(text, "t.csv")
    (note,) = result.diagnostics
    assert note.code == "N501"
    assert note.message == "padding: same for C1, which the table leaves out: its size of 28x28 needs it"
    assert found(result) == [("N501", "28x28")]
    assert result.graph is not None
    assert "padding: same" in resolve(result.graph)
    assert "padding from the size that needs it" in resolve(result.graph)


@pytest.mark.parametrize(
    ("kind", "before", "after", "implied"),
    [
        ("Conv | 4 | 3", 28, 28, "padding: same"),
        ("Conv | 4 | 7", 224, 110, "padding: 1, stride: 2"),
        ("Conv | 4 | 11", 227, 55, "stride: 4"),
        ("Max pool | - | 3", 55, 27, "stride: 2"),
        ("Max pool | - | 3", 9, 4, "stride: 2"),  # padding 2 fits too, and no pool has as much
        ("Max pool | - | 4", 9, 3, "padding: same"),  # the default stride, though stride 2 fits too
        ("Conv | 4 | 5", 28, 32, "padding: 4"),
        ("Avg pool | - | 2", 28, 27, "stride: 1"),
        ("Transposed conv | 4 | 4", 8, 16, "padding: same, stride: 2"),
    ],
)
def test_default_stride_is_preferred(kind: str, before: int, after: int, implied: str) -> None:
    row_type, maps, kernel = kind.split(" | ")
    text = f"Type,Maps,Kernel,Size\nInput,1,,{before}x{before}\n{row_type},{maps},{kernel},{after}x{after}\n"
    messages = [each.message for each in checked(text, "t.csv").diagnostics]
    assert [message.partition(" for ")[0] for message in messages] == [implied]


def test_where_nothing_fits_the_nearest_values_are_said() -> None:
    text = "Type,Maps,Kernel,Size\nInput,1,,28x28\nConv,4,5,31x31\n"
    result = checked(text, "t.csv")
    assert found(result) == [("E205", "31x31")]
    assert (
        result.diagnostics[0].help
        == "padding: 3 gives 30x30; padding: 4 gives 32x32; padding: same gives 28x28; or use size: 24x24"
    )


def test_what_gives_the_same_again_is_no_help() -> None:
    text = "Type,Maps,Kernel,Size,Padding\nInput,1,,28x28,\nConv,4,3,31x31,same\n"
    result = checked(text, "t.csv")
    assert found(result) == [("E205", "31x31")]
    help = "padding: 2 gives 30x30; padding: valid gives 26x26; padding: 2 and stride: 2 gives 15x15"
    assert result.diagnostics[0].help == f"{help}; or use size: 28x28"


def test_what_a_table_says_is_not_changed() -> None:
    text = "Type,Maps,Kernel,Size,Padding,Stride\nInput,1,,28x28,,\nConv,4,3,28x28,0,1\n"
    assert found(checked(text, "t.csv")) == [("E205", "28x28")]


def test_only_the_maps_are_wrong() -> None:
    text = "Type,Kernel,Size\nInput,,1@28x28\nMax pool,2,3@14x14\n"
    result = checked(text, "t.csv")
    assert found(result) == [("E205", "3@14x14")]
    assert result.diagnostics[0].help == "use size: 1x14x14"


def test_a_summary_without_kernels_is_refused_where_they_can_not_be_told() -> None:
    text = 'Layer (type),Output Shape,Param #\nInput,"(None, 55, 55, 3)",0\nMaxPooling2D,"(None, 27, 27, 3)",0\n'
    assert found(checked(text, "t.csv")) == [("E103", "MaxPooling2D")]


# -- tables that do not -------------------------------------------------------------------------------

_HEAD = "| Name | Type | Maps | Size | Kernel | Stride | Padding | Activation |\n|-|-|-|-|-|-|-|-|\n"
_IN = "| in | Input | 1 | 28x28 | | | | |\n"

BAD = {
    "mistyped type": (_HEAD + _IN + "| C1 | Convoluton | 4 | | 3 | | | |\n", "E503", "Convoluton", "`convolution`"),
    "pooling of no kind": (
        _HEAD + _IN + "| S1 | Pooling | - | | 2 | | | |\n",
        "E503",
        "Pooling",
        "`Max pool`, `Avg pool`",
    ),
    "type Output": (_HEAD + _IN + "| Out | Output | 10 | | | | | |\n", "E503", "Output", "`Fully connected`"),
    "two layers in a cell": (
        _HEAD + _IN + "| C1 | Conv + MaxPool | 4 | | 3 | | | |\n",
        "E503",
        "Conv + MaxPool",
        "a row of its own",
    ),
    "activation before norm": (
        _HEAD + _IN + "| C1 | Conv + ReLU + BN | 4 | | 3 | | | |\n",
        "E503",
        "Conv + ReLU + BN",
        "a row of its own",
    ),
    "a cell too many": (_HEAD + _IN + "| C1 | Conv | 4 | | 3 | 1 | 0 | ReLU | 7 |\n", "E504", "7", "`|`"),
    "prose inside": (
        _HEAD + _IN + "and then\n| C1 | Conv | 4 | | 3 | 1 | 0 | ReLU |\n",
        "E504",
        "and then",
        "one table",
    ),
    "maps in words": (_HEAD + _IN + "| C1 | Conv | many | | 3 | | | |\n", "E503", "many", "`1,000`"),
    "kernel in words": (_HEAD + _IN + "| C1 | Conv | 4 | | three | | | |\n", "E503", "three", "`5 x 5`"),
    "stride in words": (_HEAD + _IN + "| C1 | Conv | 4 | | 3 | two | | |\n", "E503", "two", "`5`"),
    "padding in words": (_HEAD + _IN + "| C1 | Conv | 4 | | 3 | | full | |\n", "E104", "full", None),
    "size in words": (_HEAD + _IN + "| C1 | Conv | 4 | big | 3 | | | |\n", "E503", "big", "`28 x 28`"),
    "unknown activation": (_HEAD + _IN + "| C1 | Conv | 4 | | 3 | | | RelU7x |\n", "E503", "RelU7x", "`relu"),
    "two activations": (_HEAD + _IN + "| C1 | Conv + ReLU | 4 | | 3 | | | tanh |\n", "E503", "tanh", "leave one"),
    "RBF after a convolution": (_HEAD + _IN + "| C1 | Conv | 4 | | 3 | | | RBF |\n", "E503", "RBF", None),
    "two kernels": (_HEAD + _IN + "| C1 | Conv 5x5 | 4 | | 3 | | | |\n", "E507", "3", "correct one"),
    "two counts": (_HEAD + _IN + "| C1 | Conv | 4 | 6@26x26 | 3 | | | |\n", "E507", "6@26x26", "correct one"),
    "maps of a pool": (_HEAD + _IN + "| S1 | Max pool | 6 | 14x14 | 2 | | | |\n", "E205", "14x14", "size: 1x14x14"),
    "maps of a pool without size": (_HEAD + _IN + "| S1 | Max pool | 6 | | 2 | | | |\n", "E507", "6", "correct one"),
    "an input in between": (
        _HEAD + "| C1 | Conv | 4 | | 3 | | | |\n" + _IN + "| F2 | FC | 4 | | | | | |\n",
        "E505",
        _IN.strip(),
        None,
    ),
    "two inputs": (_HEAD + _IN + _IN + "| C1 | Conv | 4 | | 3 | | | |\n", "E505", _IN.strip(), None),
    "an input without size": (
        _HEAD + "| in | Input | | | | | | |\n| F1 | FC | 4 | | | | | |\n",
        "E505",
        None,
        "227 x 227",
    ),
    "an input without maps": (
        _HEAD + "| in | Input | | 28x28 | | | | |\n| F1 | FC | 4 | | | | | |\n",
        "E505",
        "28x28",
        "227 x 227",
    ),
    "which are the maps": (
        _HEAD + "| in | Input | | 3x5x7 | | | | |\n| F1 | FC | 4 | | | | | |\n",
        "E506",
        "3x5x7",
        "a column of their own",
    ),
    "five layers in a row": (
        _HEAD + _IN + "| | 5× Conv / s1 | 4 | | 3 | | | |\n",
        "E503",
        "5× Conv / s1",
        "a row of its own",
    ),
    "headings again": ("Type,Maps\nInput,3\nFC,4\nType,Maps\nFC,5\n", "E504", "Type,Maps", "one table"),
    "units that the input contradicts": ("Type,Kernel,Size\nInput,,12\nFC,13x4,\n", "E103", "FC", "Units"),
    "no type": (_HEAD + _IN + "| | | 4 | | 3 | | | |\n", "E503", "4", "`Convolution`"),
    "only a header": (_HEAD, "E501", None, "Layer | Type"),
    "no table": ("Once upon a time\nthere was a network\n", "E501", "Once upon a time", "Layer | Type"),
    "a wrong total": (
        "Type,Maps,Size,Kernel,Params\nInput,1,8x8,,\nConv,2,6x6,3,20\nTotal,,,,21\n",
        "E507",
        "21",
        "correct one",
    ),
    "wrong parameters": (
        "Type,Maps,Size,Kernel,Params\nInput,1,8x8,,\nConv,2,6x6,3,18\n",
        "E214",
        "18",
        "parameters: 20",
    ),
    "sizes of two columns": (
        "Type,Maps,Kernel,Input size,Output size\nConv,2,3,1@8x8,6x6\nConv,2,3,5x5,4x4\n",
        "E507",
        "5x5",
        "correct one",
    ),
    "two columns of one meaning": ("Type,Maps,Filters\nInput,3,\nFC,4,5\n", "E502", "Filters", "rename"),
    "no type column": ("Maps,Size\n3,8x8\n4,6x6\n", "E502", "Maps", "`Type`"),
    "cells that stand under two headings": (
        "Layer  Type   Maps  Kernel\nin     Input  3\nc1  Convolution 4 3  4\n",
        "E504",
        None,
        "`-`",
    ),
    "a type of one word, spelt wrong": ("Type,Maps\nInput,3\nDens,4\n", "E503", "Dens", "`dense`"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_has_one_error_at_its_cell(name: str) -> None:
    text, code, place, help = BAD[name]
    suffix = "md" if "|" in text else "csv"
    for spec, file in ((text, f"t.{suffix}"), (in_spec(text), "t.yaml")):
        result = checked(spec, file)
        errors = [each for each in result.diagnostics if each.severity == "error"]
        assert [each.code for each in errors] == [code]
        if place is not None:
            at = [where for each, where in found(result) if each == code]
            assert at == [place]
        assert help is None or help in (errors[0].help or "")


WARNED = {
    "unknown heading": ("Type,Maps,Size,Colour\nInput,3,,red\nFC,4,,\n", "W501", "Colour"),
    "mistyped heading": ("Type,Maps,Pading\nInput,3,\nFC,4,\n", "W501", "Pading"),
    "kernel of a dense layer": ("Type,Maps,Kernel\nInput,3,\nFC,4,6x6\n", "W502", "6x6"),
    "rounded parameters": ("Type,Maps,Params\nInput,3,\nFC,4,0.1K\n", "W502", "0.1K"),
    "a total of nothing": ("Type,Maps\nInput,3\nFC,4\nTotal params: 16,\n", "N502", "Total params: 16"),
    "units in the type": ("Type,Size\nInput,3\nFC-4,\n", "N502", "FC-4"),
}


@pytest.mark.parametrize("name", WARNED)
def test_what_is_not_read_is_said(name: str) -> None:
    text, code, place = WARNED[name]
    result = checked(text, "t.csv")
    assert result.graph is not None
    assert found(result) == [(code, place)]


def test_missing_input_is_said_and_a_spec_may_give_it() -> None:
    text = "| Type | Maps | Kernel |\n|-|-|-|\n| Conv | 4 | 3 |\n"
    assert [each.code for each in checked(text).diagnostics] == ["E505"]
    assert str(graph_of(in_spec(text, "1x8x8"), "t.yaml").rows[0].shape) == "4x6x6"


def test_every_bad_line_is_reported_in_one_run() -> None:
    text = _HEAD + _IN + "| a | Cnov | | | | | | |\n| b | Conv | x | | 3 | | | |\n| c | Dens | 4 | | | | | |\n"
    assert [place for _, place in found(checked(text))] == ["Cnov", "Dens"]
    text = _HEAD + _IN + "| a | Conv | x | | | | | |\n| b | Conv | 4 | y | 3 | | | |\n"
    assert [place for _, place in found(checked(text))] == ["x", "y"]


# -- every style, and any text ------------------------------------------------------------------------

_TYPES = {
    "conv": ("Convolution", "Conv", "conv2d", "Convolutional", "Conv layer"),
    "max_pool": ("Max pooling", "MaxPool2d", "Max-pooling", "maxpool", "MaxPooling2D"),
    "avg_pool": ("Avg pooling", "Average Pooling", "AvgPool2d", "Avg. pool"),
    "dense": ("Fully connected", "FC", "Dense", "Linear", "Fully-connected"),
    "flatten": ("Flatten",),
    "dropout": ("Dropout",),
}
_HEADS = {
    "name": ("Layer", "Name", "Layer name"),
    "type": ("Type", "Operation", "Layer type"),
    "maps": ("Maps", "Filters", "Channels", "# Filters", "Feature maps", "Number of filters"),
    "size": ("Size", "Output size", "Output shape", "Feature map size"),
    "kernel": ("Kernel size", "Kernel", "Filter size", "Kernel Size"),
    "stride": ("Stride", "Strides"),
    "padding": ("Padding", "Pad"),
    "activation": ("Activation", "Non-linearity", "Activation function"),
}
_ACTIVATIONS = {"relu": ("ReLU", "relu", "RELU"), "tanh": ("tanh", "Tanh"), "leaky_relu": ("Leaky ReLU", "LeakyReLU")}


@st.composite
def layer_rows(draw: st.DrawFn) -> list[dict[str, object]]:
    """The rows of a network that fits its 3x32x32 input whatever the numbers."""
    rows: list[dict[str, object]] = []
    for index in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "max_pool", "avg_pool"]))
        row: dict[str, object] = {"name": f"L{index}", "type": kind, "kernel": draw(st.integers(1, 3))}
        row["stride"] = draw(st.integers(1, 2))
        row["padding"] = draw(st.sampled_from(["same", "valid"] + [1] * (row["kernel"] == 3)))
        if kind == "conv":
            row["maps"] = draw(st.sampled_from([1, 6, 64, 1024]))
            activation = draw(st.sampled_from([None, *_ACTIVATIONS]))
            row |= {"activation": activation} if activation else {}
        rows.append(row)
    if draw(st.booleans()):
        rows.append({"name": "flat", "type": "flatten"})
    rows.append({"name": "drop", "type": "dropout", "rate": 0.25})
    rows.append({"name": "out", "type": "dense", "units": draw(st.sampled_from([10, 1000, 4096]))})
    return rows


class Style:
    """How one author prints numbers, sizes, blanks and separators."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.layout = chance.choice(["pipes", "bare pipes", "csv", "tsv", "box"])
        self.times = chance.choice(["x", "×", " x ", " × ", " * "])
        self.nothing = chance.choice(["-", "–", "—", "", "n/a", "None"])
        self.pair = chance.choice(["one", "pair", "brackets"])
        self.order = chance.choice(["HxW", "HxWxC", "CxHxW", "C@HxW"])
        self.thousands = chance.choice(["", ","])
        self.mark = chance.choice(["", "**", "`", "*"])

    def number(self, value: object) -> str:
        return f"{value:,}".replace(",", self.thousands) if isinstance(value, int) else str(value)

    def window(self, value: object) -> str:
        text = f"{value}{self.times}{value}" if self.pair == "pair" else f"({value}, {value})"
        return str(value) if self.pair == "one" else text

    def size(self, shape: tuple[int, ...]) -> str:
        if len(shape) == 1:
            return self.number(shape[0])
        maps, sides = str(shape[0]), [str(side) for side in shape[1:]]
        forms = {"HxW": sides, "HxWxC": [*sides, maps], "CxHxW": [maps, *sides]}
        return f"{maps}@{'x'.join(sides)}" if self.order == "C@HxW" else self.times.join(forms[self.order])

    def line(self, cells: list[str]) -> str:
        if self.layout == "csv":
            return ",".join(f'"{cell}"' if "," in cell else cell for cell in cells)
        if self.layout == "tsv":
            return "\t".join(cells)
        if self.layout == "box":
            return "│ " + " │ ".join(cells) + " │"
        inner = " | ".join(cells)
        return f"| {inner} |" if self.layout == "pipes" else inner

    def table(self, lines: list[list[str]]) -> str:
        rule = "|".join(["---"] * len(lines[0]))
        between = [rule] if "pipes" in self.layout else []
        return "\n".join([self.line(lines[0]), *between, *map(self.line, lines[1:])]) + "\n"


def printed(rows: list[dict[str, object]], graph: Graph, seed: int) -> tuple[str, str]:
    """The rows as a table in some style, and its file's suffix."""
    chance = random.Random(seed)
    style = Style(chance)
    columns = ["name", "type", "maps", "size", "kernel", "stride", "padding", "activation"]
    chance.shuffle(columns)
    lines: list[dict[str, str]] = [{"name": "In", "type": "Input", "maps": "3 (RGB)", "size": style.size((3, 32, 32))}]
    for row, made in zip(rows, graph.rows, strict=True):
        kind = chance.choice(_TYPES[str(row["type"])])
        line = {"name": str(row["name"]), "type": f"{kind} ({row['rate']})" if "rate" in row else kind}
        if "maps" in row or "units" in row:
            line["maps"] = style.number(row.get("maps", row.get("units")))
        if chance.random() < 0.7:
            line["size"] = style.size(tuple(made.shape))
        for column in ("kernel", "stride"):
            if column in row:
                line[column] = style.window(row[column])
        if "padding" in row:
            line["padding"] = chance.choice([str(row["padding"]), str(row["padding"]).upper()])
        if "activation" in row:
            line["activation"] = chance.choice(_ACTIVATIONS[str(row["activation"])])
        lines.append({key: f"{style.mark}{value}{style.mark}" for key, value in line.items()})
    if chance.random() < 0.5:
        lines.reverse()
    index = chance.random() < 0.3
    body = [[line.get(column) or style.nothing for column in columns] for line in lines]
    head = [chance.choice(_HEADS[column]) for column in columns]
    table = [["#"] * index + head, *([str(place)] * index + cells for place, cells in enumerate(body))]
    return style.table(table), "tsv" if style.layout == "tsv" else "csv" if style.layout == "csv" else "md"


@given(layer_rows(), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_any_style_gives_the_graph_of_the_plain_spec(rows: list[dict[str, object]], seed: int) -> None:
    written = ["{" + ", ".join(f"{key}: {value}" for key, value in row.items()) + "}" for row in rows]
    plain = graph_of("name: t\ninput: 3x32x32\nlayers:\n" + "".join(f"  - {row}\n" for row in written), "t.yaml")
    text, suffix = printed(rows, plain, seed)
    assert flat(graph_of(text, f"t.{suffix}")) == flat(plain), text
    assert flat(graph_of(in_spec(text), "t.yaml")) == flat(plain), text


_PIECES = [
    "|",
    ",",
    "\t",
    ";",
    "  ",
    "\n",
    "\n|",
    "-",
    "×",
    "@",
    '"',
    "(",
    ")",
    "Layer",
    "Type",
    "Maps",
    "Size",
    "Kernel",
]
_PIECES += [
    "Input",
    "Conv",
    "FC",
    "Max pool",
    "Dropout",
    "Param #",
    "3x3",
    "28x28x3",
    "1,000",
    "0.5",
    "/2",
    "s2",
    "7" * 20,
]
_PIECES += [
    "Layer (type)",
    "Output Shape",
    "(None, 4, 4, 3)",
    "Total params: 3",
    "\x00",
    "\u2028",
    "²",
    "٣",
    "same",
    "relu",
]


@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(st.sampled_from(_PIECES), max_size=60).map("".join),
        st.lists(st.lists(st.sampled_from(_PIECES), min_size=3, max_size=6).map("|".join), max_size=8).map("\n".join),
    ),
    st.sampled_from(["md", "csv", "tsv"]),
)
@settings(max_examples=300, deadline=None)
def test_any_text_ends_in_a_graph_or_in_findings(text: str, suffix: str) -> None:
    result = checked(text, f"t.{suffix}")
    assert result.graph is not None or any(each.severity == "error" for each in result.diagnostics)


@given(st.sampled_from(ALL), st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_table_ends_in_a_graph_or_in_findings(table: Pasted, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(table.text)))
    stop = min(start + data.draw(st.integers(0, 12)), len(table.text))
    damaged = table.text[:start] + data.draw(st.sampled_from(_PIECES)) + table.text[stop:]
    for text, name in ((damaged, f"t.{table.suffix}"), (in_spec(damaged, table.input), "t.yaml")):
        result = checked(text, name)
        assert result.graph is not None or any(each.severity == "error" for each in result.diagnostics)


@pytest.mark.parametrize(
    "row",
    [
        "| C | Convolution | 8 | 32x32 | 3x3 | 1 | | |\n",
        "| C | Convolution | 8 | 31x33 | 15x15 | | same | |\n",
        "| C | Konvolution | 8 | 32x32 | 3x3 | | | |\n",
    ],
)
def test_many_rows_end_in_a_graph_or_findings(row: str) -> None:
    result = checked(_HEAD + "| in | Input | 3 | 32x32 | | | | |\n" + row * 2_000)
    assert result.graph is not None or any(each.severity == "error" for each in result.diagnostics)


def test_another_input_keeps_what_the_sizes_of_the_table_imply() -> None:
    table = "Type | Maps | Size | Kernel\nInput | 1 | 28x28 | -\nConvolution | 6 | 28x28 | 5x5\n"
    result = compile_text(Source("t.md", table), Options(input="1x56x56"))
    assert result.graph is not None
    assert result.graph.rows[0].shape == (6, 56, 56)
    assert [each.code for each in result.diagnostics] == ["N501"]

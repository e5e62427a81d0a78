"""Random legal specs, written as YAML: archspec compiles each, and torch agrees with all it says of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
import yaml
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import archspec
from archspec.graph import INPUT, Graph, Node
from archspec.memory import inference_memory
from archspec.operators import BY_TYPE, OPERATORS
from archspec.operators.operator import Misfit
from archspec.shape import Shape
from tests.torch_network import TorchNetwork, counted_macs, on_meta, simulated_inference, stated_kept

Row = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Maker:
    """Draws the parts of one spec, and follows the shapes as it goes."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.params: dict[str, int] = {}
        self.blocks: dict[str, Any] = {}
        self.count = 0

    def one_of(self, *choices: Any) -> Any:
        return self._draw(st.sampled_from(choices))

    def number(self, least: int, most: int) -> int:
        return self._draw(st.integers(least, most))

    def chance(self, times_in_ten: int) -> bool:
        return self.number(1, 10) <= times_in_ten

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    # -- values as people write them

    def written(self, value: Any) -> Any:
        """A number as it stands, or as an expression over a new parameter of the spec."""
        if not isinstance(value, int) or isinstance(value, bool) or self.chance(8):
            return value
        name = self.name("p")
        self.params[name] = self.number(1, 9)
        form = self.one_of(
            "={0} + {1}", "=round({0} + {1} / 1)", "={0} + {1} if {1} < 100 else 0", "=max(0, {0} + {1})"
        )
        return form.format(name, value - self.params[name])

    def pair(self, least: int, most: int) -> Any:
        height, width = self.number(least, most), self.number(least, most)
        return self.one_of(
            self.written(height), self.written(height), f"{height}x{width}", [height, self.written(width)]
        )

    def padding(self) -> Any:
        sides = [self.number(0, 2) for _ in range(4)]
        return self.one_of("valid", "same", "same", "half", sides[0], sides[:2], f"{sides[0]}x{sides[1]}", sides)

    # -- operators

    def attributes(self, kind: str, shape: Shape) -> Row:
        """Attributes of an operator; they need not fit the input."""
        maps = self.number(1, 8)
        divisor = self.one_of(*(number for number in range(1, shape.maps + 1) if shape.maps % number == 0))
        window = {"kernel": self.pair(1, 4)}
        if self.chance(5):
            window["stride"] = self.pair(1, 3)
        if self.chance(6):
            window["padding"] = self.padding()
        dilation = {"dilation": self.pair(1, 2)} if self.chance(2) else {}
        bias = {"bias": self.one_of(True, False)} if self.chance(3) else {}
        groups = (
            {"maps": divisor * self.number(1, 3), "groups": divisor} if self.chance(3) else {"maps": self.written(maps)}
        )
        sides = [self.number(0, 2) for _ in range(4)]
        choices: dict[str, Callable[[], Row]] = {
            "conv": lambda: {**window, **dilation, **bias, **self._connections(shape, groups)},
            "depthwise_conv": lambda: {**window, **dilation, **bias, "multiplier": self.written(self.number(1, 2))},
            "separable_conv": lambda: {**window, **dilation, **bias, "maps": self.written(maps)},
            "transposed_conv": lambda: {**window, **bias, **groups},
            "dense": lambda: {"units": self.written(maps), **bias},
            "rbf": lambda: {"units": maps, "trainable": self.one_of(True, False)},
            "max_pool": lambda: {**window, **dilation, "ceil": self.one_of(True, False)},
            "avg_pool": lambda: {**window, "ceil": self.one_of(True, False), "count_padding": self.one_of(True, False)},
            "adaptive_avg_pool": lambda: {"to": self.pair(1, 7)},
            "depthwise_max_pool": lambda: {"kernel": self.number(1, shape.maps)},
            "subsample": lambda: {"kernel": window["kernel"]},
            "batch_norm": lambda: {"affine": self.one_of(True, False)},
            "layer_norm": lambda: {"affine": self.one_of(True, False), "over": self.one_of("all", "maps")},
            "group_norm": lambda: {"groups": divisor},
            "local_response_norm": lambda: {"r": self.one_of(1, 3, 5)},
            "prelu": lambda: {"per_map": self.one_of(True, False)},
            "dropout": lambda: {"rate": self.one_of(0, 0.3)},
            "stochastic_depth": lambda: {"rate": self.one_of(0, 0.3)},
            "reshape": lambda: {"to": self._new_sides(shape)},
            "slice": lambda: {
                "start": (start := self.number(0, shape.maps - 1)),
                "stop": self.number(start + 1, shape.maps),
            },
            "split": lambda: {"parts": divisor, "part": self.number(0, divisor - 1)},
            "channel_shuffle": lambda: {"groups": divisor},
            "pad": lambda: {"padding": self.one_of(sides[0], sides), "value": self.one_of(0, 0, 1.5)},
            "crop": lambda: self.one_of({"sides": sides}, {"to": self.pair(1, 5)}),
            "upsample": lambda: {
                self.one_of("scale", "to"): self.pair(1, 2),
                "mode": self.one_of("nearest", "bilinear"),
            },
        }
        return choices[kind]() if kind in choices else {}

    def _connections(self, shape: Shape, groups: Row) -> Row:
        if "groups" in groups or not isinstance(groups["maps"], int) or self.chance(8):
            return groups
        seen = st.lists(st.integers(0, shape.maps - 1), min_size=1, max_size=3, unique=True)
        return {**groups, "connections": [self._draw(seen) for _ in range(groups["maps"])]}

    def _new_sides(self, shape: Shape) -> Any:
        side = self.one_of(*(number for number in range(1, 9) if shape.elements % number == 0))
        rest = shape.elements // side
        return self.one_of(shape.elements, f"{rest}x1x{side}", [side, rest, 1], [rest, side, 1])

    def operator(self, shape: Shape, kinds: tuple[str, ...] = ()) -> tuple[Row, Shape]:
        """A row of one operator with one input, and its output."""
        kind = self.one_of(*(kinds or SINGLE))
        attributes = self.attributes(kind, shape)
        output = self.output(kind, attributes, shape)
        if output is None:
            return {"type": "identity"}, shape
        row = {"type": kind, **attributes}
        for sugar, names in (("norm", NORMS), ("activation", ACTIVATIONS)):
            if self.chance(2):
                row[sugar] = self.one_of(*names)
        if row.get("norm") == "local_response" and not output.is_maps:
            del row["norm"]
        if self.chance(3):
            row["size"] = (
                self.one_of(str(output), output.maps)
                if not output.is_maps
                else self.one_of(str(output), "x".join(map(str, output[1:])), list(output))
            )
        return row, output

    def output(self, kind: str, attributes: Row, shape: Shape) -> Shape | None:
        operator = BY_TYPE[kind].model_validate({key: self.value(value) for key, value in attributes.items()})
        try:
            output = operator.shape([Shape.of(shape.elements) if operator.flattens else shape])
        except Misfit:
            return None
        return output if output.elements <= 2000 else None

    def value(self, written: Any) -> Any:
        """What an expression of `written` is worth."""
        if isinstance(written, list):
            return [self.value(item) for item in written]
        if isinstance(written, str) and written.startswith("="):
            return round(eval(written[1:], {"round": round, "max": max}, dict(self.params)))
        return written

    # -- rows that hold others

    def rows(self, shape: Shape, length: int, depth: int, known: dict[str, Shape]) -> tuple[list[Row], Shape]:
        """Rows one after another."""
        known, rows = dict(known), []
        for _ in range(length):
            makers = [self.operator] * 6
            if depth:
                makers += [self.joined, self.joined, self.gate, self.group]
            if shape.is_maps:
                makers += [self.repeated, self.used_block, self.stages, self.shared]
            makers += [self.left_out, lambda shape: self.named(shape, known)]
            row, shape = self.one_of(*makers)(shape)
            if "when" not in row and self.chance(2):
                row["when"] = self.one_of(True, "=1 < 2", "=not false")
            if self.chance(4):
                row["name"] = self.name("row")
                known[row["name"]] = shape
            rows.append(row)
        return rows, shape

    def joined(self, shape: Shape) -> tuple[Row, Shape]:
        """Branches that end in one shape, or, of a concat, one height and width."""
        branches: list[list[Row]] = []
        outputs: list[Shape] = []
        for _ in range(self.number(2, 3)):
            rows, output = self.rows(shape, self.number(0, 2), 0, {})
            if output[1:] != shape[1:] or len(output) != len(shape):
                rows, output = [], shape
            branches.append(rows)
            outputs.append(output)
        kinds = ("concat", "add", "multiply") if len(set(outputs)) == 1 else ("concat",)
        kind = self.one_of(*kinds)
        total = Shape.of(sum(each.maps for each in outputs), *shape[1:]) if kind == "concat" else outputs[0]
        named = {f"b{index}": rows for index, rows in enumerate(branches)}
        return {"type": kind, "branches": self.one_of(branches, named)}, total

    def gate(self, shape: Shape) -> tuple[Row, Shape]:
        if not shape.is_maps:
            return self.operator(shape)
        conv = {"type": "conv", "maps": self.written(shape.maps), "kernel": 1, "activation": "sigmoid"}
        return {"type": "scale", "branches": {"maps": [], "gate": [{"type": "global_avg_pool"}, conv]}}, shape

    def group(self, shape: Shape) -> tuple[Row, Shape]:
        rows, output = self.rows(shape, self.number(1, 3), 0, {})
        return {"layers": rows}, output

    def named(self, shape: Shape, known: dict[str, Shape]) -> tuple[Row, Shape]:
        """A row that takes earlier rows by their names."""
        equal = [name for name, each in known.items() if each == shape]
        if not equal:
            return self.operator(shape)
        first = self.one_of(*equal)
        if self.chance(3):
            return {"type": "relu", "from": first}, shape
        return {"type": self.one_of("add", "multiply"), "from": [first, self.one_of(*equal)]}, shape

    def left_out(self, shape: Shape) -> tuple[Row, Shape]:
        """A row that would fit nowhere, and is not there."""
        return {"type": "conv", "maps": 3, "kernel": 99, "when": self.one_of(False, "=2 < 1")}, shape

    def shared(self, shape: Shape) -> tuple[Row, Shape]:
        """Two rows with one set of weights."""
        row: Row = {"type": "conv", "maps": shape.maps, "kernel": 3, "norm": self.one_of("batch", "none")}
        others = {"activation": self.one_of("relu", "none"), "dilation": self.number(1, 2), "share": "first"}
        row["padding"] = "half"
        return {"layers": [{"name": "first", **row}, {**row, **others}]}, shape

    def repeated(self, shape: Shape) -> tuple[Row, Shape]:
        """Instances that follow one another, the first and the last different."""
        times, maps, step = self.number(0, 3), self.number(1, 4), self.number(0, 2)
        row: Row = {"type": "conv", "maps": f"={maps} + {step}*i", "kernel": 3, "padding": "same"}
        row |= {"repeat": self.written(times), "norm": self.one_of("batch", "none")}
        if times == 0:
            return row, shape
        output = Shape.of(maps + step * (times - 1), *shape[1:])
        if self.chance(5):
            row["first"] = {"stride": 2}
            output = Shape.of(output.maps, *(-(-side // 2) for side in shape[1:]))
        if self.chance(5):
            row["last"] = {"maps": self.written(5), "activation": "tanh"}
            output = Shape.of(5, *output[1:])
        return row, output

    def stages(self, shape: Shape) -> tuple[Row, Shape]:
        """`each` over lists by name or over mappings, of a row or of a group."""
        entries = [{"m": self.number(1, 5), "k": self.number(1, 3)} for _ in range(self.number(1, 3))]
        columns = {key: [entry[key] for entry in entries] for key in ("m", "k")}
        conv = {"type": "conv", "maps": "=m", "kernel": "=k", "padding": "same"}
        body = self.one_of(
            conv, {"layers": [conv, {"type": "batch_norm", "when": "=i % 2 == 0"}]}, conv | {"repeat": "=k"}
        )
        return {"each": self.one_of(entries, columns), **body}, Shape.of(entries[-1]["m"], *shape[1:])

    def used_block(self, shape: Shape) -> tuple[Row, Shape]:
        """A block, defined at its first use."""
        kind = self.one_of("bottleneck", "widen")
        self.blocks[kind] = BLOCKS[kind]
        maps, stride = self.number(1, 4), self.number(1, 2)
        if kind == "bottleneck":
            row = {"type": kind, "maps": self.written(maps)} | ({"stride": stride} if stride > 1 else {})
            return row, Shape.of(2 * maps, *(-(-side // stride) for side in shape[1:]))
        return {"type": kind, "by": self.written(maps), "repeat": stride}, Shape.of(
            shape.maps + stride * maps, *shape[1:]
        )


SINGLE = tuple(operator.type for operator in OPERATORS if operator.arity == (1, 1))
NORMS = ("batch", "none", {"type": "layer_norm"}, {"type": "group_norm", "groups": 1})
ACTIVATIONS = (
    "relu",
    "tanh",
    "linear",
    {"type": "leaky_relu", "slope": 0.2},
    "prelu",
    "gelu",
    "scaled_tanh",
    "softmax",
)
BLOCKS: dict[str, Any] = yaml.safe_load("""
bottleneck:
  params: {maps: null, stride: 1, out: =2*maps}
  defaults: {conv: {bias: false, norm: batch}}
  layers:
    - type: add
      branches:
        residual:
          - {type: conv, maps: =maps, kernel: 1, activation: relu}
          - {type: conv, maps: =maps, kernel: 3, stride: =stride, padding: 1}
          - {type: conv, maps: =out, kernel: 1}
        shortcut: [{type: conv, maps: =out, kernel: 1, stride: =stride, when: =in.maps != out or stride != 1}]
    - {type: relu}
widen:
  params: {by: null}
  layers:
    - {name: new, type: conv, maps: =by, kernel: =3 if in.height > 2 else 1, padding: half}
    - {type: batch_norm, when: =by > 2}
    - {name: both, type: concat, from: [in, new]}
    - {type: slice, stop: =in.maps + by}
""")


@st.composite
def specs(draw: Draw) -> str:
    """The text of a legal spec, of up to some thirty nodes."""
    make = Maker(draw)
    sides = [make.number(3, 13) for _ in range(2)]
    shape = Shape.of(make.number(1, 6), *sides) if make.chance(9) else Shape.of(make.number(1, 40))
    spec: dict[str, Any] = {"name": "random", "input": str(shape) if shape.is_maps else shape.maps}
    rows, _ = make.rows(shape, make.number(1, 6), 1, {})
    rows.append({"type": "relu"})  # all others may be left out
    spec |= {"params": make.params, "blocks": make.blocks, "layers": rows}
    if make.chance(3):
        spec["outputs"] = _outputs(make, rows)
    plain = json.loads(json.dumps({key: value for key, value in spec.items() if value}))  # PyYAML anchors what repeats
    return yaml.safe_dump(plain, sort_keys=False, default_flow_style=make.one_of(None, True, False))


def _outputs(make: Maker, rows: list[Row]) -> dict[str, Any]:
    rows[-1].setdefault("name", "last")
    named = [row["name"] for row in rows[:-1] if "name" in row]
    auxiliary = {"aux": {"from": make.one_of(*named), "train_only": True, "weight": 0.3}} if named else {}
    return {rows[-1]["name"]: {"loss": "mse"}, **auxiliary}


def agree(text: str) -> None:
    """Everything that archspec says of a spec, and torch's word on it."""
    note(text)
    graph = archspec.loads(text)
    _agree_on_shapes(graph)
    _agree_on_parameters(graph)
    if not any(_turns_memory_round(node) for node in graph.nodes):
        torch.manual_seed(0)
        network = TorchNetwork(graph)
        assert stated_kept(graph, 2) == network.kept(torch.rand(2, *graph.input))
        memory = inference_memory(graph, batch=2)
        assert (memory.peak, memory.at) == simulated_inference(graph, 2)
    flat = archspec.loads(archspec.resolve(graph))
    assert flat.nodes == graph.nodes
    assert [output.node for output in flat.outputs] == [output.node for output in graph.outputs]
    _agree_on_summary(graph)


def _turns_memory_round(node: Node) -> bool:
    """A norm over maps leaves them innermost in memory; a flatten behind it copies, which archspec does not follow."""
    return node.operator.type == "layer_norm" and getattr(node.operator, "over", None) == "maps" and node.shape.area > 1


def _agree_on_shapes(graph: Graph) -> None:
    with torch.no_grad():
        tensors = on_meta(graph)(torch.empty(2, *graph.input, device="meta"))
    for name in (INPUT, *graph.by_name):
        assert tensors[name].shape == (2, *graph.shape_of(name)), name
    network = on_meta(graph, graph.inference_nodes).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(2, *graph.input, device="meta"))
    assert 2 * 2 * counted_macs(graph) == counter.get_total_flops()


def _agree_on_parameters(graph: Graph) -> None:
    network = on_meta(graph)
    for node in graph.nodes:
        owned = [(each.name, each.shape) for each in node.operator.parameters(node.input_shapes)]
        assert [(name, tuple(tensor.shape)) for name, tensor in network.state_of(node).items()] == owned
    assert archspec.cost(graph).trainable == sum(each.numel() for each in network.parameters() if each.requires_grad)


def _agree_on_summary(graph: Graph) -> None:
    said = json.loads(json.dumps(archspec.summarize(graph).as_dict()))
    cost = archspec.cost(graph)
    assert [(line["name"], tuple(line["shape"])) for line in said["layers"]] == [(r.name, r.shape) for r in graph.rows]
    assert sum(line["parameters"] for line in said["layers"]) == cost.trainable == said["parameters"]["trainable"]
    assert said["macs"] == cost.macs
    assert said["outputs"] == {each.name: list(graph.shape_of(each.node)) for each in graph.outputs}
    folded = archspec.summarize(graph, depth=1).as_dict()
    assert sum(line["parameters"] for line in folded["layers"]) == cost.trainable


CALM: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.generate,),  # to shrink a spec takes minutes, and it is short enough to read
}


@settings(max_examples=100, derandomize=True, **CALM)
@given(specs())
def test_specs_of_every_run(text: str) -> None:
    agree(text)


@settings(max_examples=40, **CALM)
@given(specs())
def test_specs_of_this_run(text: str) -> None:
    agree(text)

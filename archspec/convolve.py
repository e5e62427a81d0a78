"""Dense layers as convolutions: a network for images of one size, moved over larger ones.

A dense layer behind maps is a convolution whose kernel is as large as they are, and one behind that a convolution of
1x1. At the original input there is one position, and it is what the network gave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archspec.checker import Builder
from archspec.diagnostic import Findings, SpecError
from archspec.graph import INPUT, Graph, Node
from archspec.limits import DEFAULT_LIMITS
from archspec.operators.operator import Operator
from archspec.shape import Shape
from archspec.sizes import inputs_of
from archspec.subgraph import for_inference


def fully_convolutional(graph: Graph) -> Graph:
    """The network for inference with convolutions in place of dense layers; `SpecError` where there are none.

    The pools that made one position of all become pools of that size, so that a larger input has more positions.
    Auxiliary heads are left out, as in every network for inference.
    """
    findings = Findings()
    if not graph.input.is_maps:
        findings.add(
            "E225",
            f"the input of {graph.name} is a vector of {graph.input}, which has no positions",
            graph.rows[0].origin.row.label_span(),
            label="the first row",
            help="use input: maps x height x width, and begin with a convolution",
        )
        raise SpecError(findings)
    whole = for_inference(graph)
    slides = _sliding(whole)

    def operator_of(node: Node, images: Sequence[Shape]) -> Operator:
        if not all(shape.is_maps for shape in (*node.input_shapes, node.shape)):
            return node.operator.on_maps(images)
        return node.operator.sliding(images[0]) if node.name in slides else node.operator

    builder = Builder(findings, DEFAULT_LIMITS)
    builder.take_input(whole.input)
    for row in whole.rows:
        builder.again(row, inputs_of(whole, row), operator_of)
    for output in whole.outputs:
        image = builder.shapes.get(output.node)
        if image is not None and image.area > 1 and not whole.shape_of(output.node).is_maps:
            findings.add(
                "E225",
                f"the output {output.name} is {image} flattened, and a convolution leaves its positions apart",
                whole.row_of[output.node].origin.row.label_span(),
                label="an output",
                help="end with the maps, or with a dense layer",
            )
    if findings.has_errors:
        raise SpecError(findings.ordered())
    return replace(whole, rows=tuple(builder.rows))


def _sliding(graph: Graph) -> set[str]:
    """The nodes that have to keep positions apart: those on the way to an output of a single position.

    A gate is not on the way, nor is what is spread over larger maps: these see all of the image, however large.
    """
    found = {output.node for output in graph.outputs if graph.shape_of(output.node).area == 1}
    for node in reversed(graph.nodes):
        if node.name in found:
            for index, (tensor, shape) in enumerate(zip(node.inputs, node.input_shapes, strict=True)):
                is_spread = shape.is_maps and shape.area == 1 < node.shape.area
                if index not in node.operator.gates and not is_spread and tensor != INPUT:
                    found.add(tensor)
    return found

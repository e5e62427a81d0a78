"""docs/zoo.md: what every family of the zoo introduced, where its spec shows it, and what its members cost."""

from __future__ import annotations

from textwrap import fill

from archspec.published import Paper, paper
from archspec.report.table import Column, Table
from archspec.report.units import count_text
from archspec.report.zoo import Entry, entries, percent_text
from archspec.zoo import families

WIDTH = 118

INTRODUCED = {
    "lenet5": """
        Convolutions and pools in turn, then dense layers: the order of most networks since. The rows `C1` to `Out` are
        those of the table in textbooks. The variant `1998` is the paper's own network: its pools have weights
        (`subsample`), each map of `C3` sees only some maps below it (`connections`, the paper's table I), and `Out`
        measures distances to fixed drawings of the digits (`rbf`).""",
    "alexnet": """
        The network that won ImageNet in 2012, on two graphics cards: rectified linear units, dropout, and far more
        weights than anyone had trained. The spec is a textbook's table, pasted, with one tower. In the variant
        `2012` the two towers are the `groups` of `C3`, `C6` and `C7`; `C5` has none, for the towers meet there.""",
    "zfnet": """
        AlexNet looked at from inside, by projecting what maps respond to back into pictures. Its first layers missed
        fine detail, so `conv1` has a smaller kernel and half the stride. Everything behind stays, in one tower.""",
    "vgg": """
        Depth from small kernels alone: two 3x3 see what one 5x5 sees, for fewer weights. All of it is the row `stage`,
        five times: `depth` convolutions and a pool. The members differ in `depths`, and those called `_bn` in `norm`,
        which the paper did not have yet. Most of the weights are in `fc6`.""",
    "googlenet": """
        The inception module: four views of one input side by side, with 1x1 convolutions that make the maps few before
        the larger kernels. It is the block `inception`, shared through `blocks/inception.yaml`; rows `i3a` to `i5b`
        are the paper's table. Two heads, `aux1` and `aux2`, bring a loss to the lower half while it trains: they are
        `train_only` outputs, and cost nothing afterwards.""",
    "inception_v3": """
        Kernels taken apart: a 5x5 becomes two 3x3, and a 7x7 becomes a 1x7 and a 7x1 (block `inception_b`). Where maps
        shrink, convolutions and a pool do it side by side (`reduction_a`), so that no row is a bottleneck. One
        auxiliary head, `aux`, is left.""",
    "inception_v4": """
        The same ideas made regular: one kind of module for each size of maps, repeated (rows `a`, `b` and `c`), and
        reductions between them whose widths are the letters `k`, `l`, `m` and `n` of the paper's table. The stem
        branches as well, from `stem4` on.""",
    "resnet": """
        Layers that learn what to add to their input, so that depth no longer hurts. The addition is the row `add` of
        the blocks `basic` and `bottleneck`; where maps or sides change, `shortcut` projects the input. `v1` moves the
        stride of a bottleneck from its 3x3, where most code has it, to its first 1x1, where the paper has it.""",
    "resnext": """
        Many narrow paths in the place of one wide one: ResNet with `paths`, the number of groups of a bottleneck's 3x3
        and the maps of each. The whole spec is that one parameter.""",
    "seresnet": """
        A gate for each map, computed from the means of all maps: block `squeeze_excite`, which the units of ResNet
        have built in, and `squeeze` turns on. The number is how many times fewer maps there are inside the gate.""",
    "senet": """
        The entry that won the last ImageNet challenge: ResNet-152 with wide groups (`paths`), gates (`squeeze`), and
        the four changes of the paper's appendix. `narrow` halves the first 1x1 of a bottleneck, `project` widens the
        shortcut's kernel, `conv1` becomes three small convolutions, and `drop` comes before the last layer.""",
    "se_inception": """
        Squeeze and excitation is no part of ResNet: the same gate goes behind any module. Here it stands behind those
        of GoogLeNet, turned on by the parameter `squeeze`, and nothing else changes.""",
    "densenet": """
        Each layer sees the maps of all layers before it: `concat` at the end of the block `dense_layer` puts `growth`
        new maps beside those that came in. So that the maps stay affordable, `narrow` makes them few before the 3x3,
        and the block `transition` halves them between stages. The members differ in `depths`.""",
    "xception": """
        Inception taken to its end: a kernel for each map, then a 1x1 across maps (block `separable`), with residual
        paths around them. The three flows of the paper's figure are the rows `entry1` to `entry3`, `middle` and
        `exit1` to `exit3`.""",
    "mobilenet_v1": """
        Separable convolutions for phones: all of the network behind `conv1` is one row, `unit`, over thirteen widths
        and strides. Two numbers trade accuracy for speed, and are parameters of the spec: `width` multiplies the
        maps, `resolution` is the side of the input.""",
    "mobilenet_v2": """
        The residual unit turned inside out: narrow at its ends, wide in the middle, and nothing non-linear where it is
        narrow. This is the block `inverted_residual`, with `expand` for how many times wider the middle is; the row
        `stage` lists the paper's table.""",
    "mobilenet_v3": """
        Units found by a search: kernel, width, gate and activation of each are the list `units` of the two variants,
        line for line as in the paper's tables. New are `hard_swish`, which is cheap on phones, squeeze and excitation
        inside the unit, and a `head` that comes after the pool where it costs least (`fc1`).""",
    "efficientnet": """
        Depth, width and resolution grow together, by `alpha`, `beta` and `gamma` to the power of `phi`. The constants
        come from a small search whose rule is that a step doubles the MACs. `stage` is the paper's table of the
        smallest network, found by another search; `b0` to `b7` are the published steps with their own rounding, and
        `--set phi=8` or `archspec scale` goes on from there.""",
    "darknet53": """
        The trunk of the detector YOLOv3: a 1x1 that halves the maps, a 3x3 that doubles them again, and the input
        added (block `dark_unit`). There are no pools on the way: the row `down` strides.""",
    "cspdarknet53": """
        Half of the maps of a stage go past its units, and join them at the end, which saves work and lets gradients
        pass. The spec is Darknet-53 with the units of each stage inside the block `cross_stage`.""",
    "cspresnet50": """
        The same detour around the bottlenecks of a ResNet: `past` and `through` are the two halves, `partial` and
        `transition` bring them together (block `cross_stage`).""",
    "fcn": """
        A classifier that answers for every pixel: the dense layer becomes the 1x1 convolution `score`, and `out` makes
        its map as large as the input. It is ResNet-50 with changes by name; `dilation` in `conv4` and `conv5` takes
        the place of strides, so that the maps stay an eighth of the input's size.""",
    "fashion_cnn": """
        A first network to train: `conv2` and `conv3` repeat, pools halve the sides while maps double, and dropout
        stands between the dense layers.""",
}
"""For each family, in the order of the page: what it introduced, and the names in its spec that show it."""


def zoo_page() -> str:
    """docs/zoo.md."""
    found = list(entries())
    parts = [
        "# The zoo",
        "<!-- Made from specs/ by docs/zoo_page.py: `make docs` writes it anew. -->",
        fill(
            "Every family is a file of `specs/`, and every member a name for the commands: `archspec summarize "
            "resnet/resnet50`. Accuracies are percent of ImageNet's validation images, as published by the source; "
            "`-` stands where nobody published one. They come from `specs/published.toml`. MACs are those of one image "
            "in inference. `archspec list` shows the same numbers, sorted and filtered; `archspec compare all --plot "
            "zoo.svg` draws them; `archspec scale` makes members that are not here.",
            WIDTH, break_on_hyphens=False,
        ),
    ]  # fmt: skip
    for family, introduced in INTRODUCED.items():
        members = [entry for entry in found if entry.name.partition("/")[0] == family]
        parts += [
            f"## {_title(family, members)}",
            _cited(paper(family)),
            _prose(introduced),
            _table(members).as_markdown(),
        ]
        parts.append(f"`specs/{family}.yaml`: {lines_of_code(family)} lines, comments apart.")
    return "\n\n".join(parts) + "\n"


def lines_of_code(family: str) -> int:
    """The lines of a family's file that are neither empty nor a comment."""
    lines = (line.strip() for line in families()[family].read_text(encoding="utf-8").splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def _title(family: str, members: list[Entry]) -> str:
    name = members[0].network.partition(" (")[0]
    return name if name.lower().replace(" ", "_").replace("-", "") == family else f"{name} (`{family}`)"


def _cited(cited: Paper | None) -> str:
    assert cited is not None, "a family without a paper in specs/published.toml"
    return fill(f"{cited.authors}: *{cited.title}* ({cited.year})", WIDTH, break_on_hyphens=False)


def _prose(text: str) -> str:
    return fill(" ".join(text.split()), WIDTH, break_on_hyphens=False, break_long_words=False)


def _table(members: list[Entry]) -> Table:
    columns = [
        Column("member"), Column("year", right=True), Column("input", right=True), Column("parameters", right=True),
        Column("MACs", right=True), Column("top-1", right=True), Column("top-5", right=True), Column("source"),
    ]  # fmt: skip
    rows = [
        [
            f"`{entry.name}`", str(entry.year), entry.figures.input, f"{entry.figures.trainable:,}",
            count_text(entry.figures.macs), percent_text(entry.accuracy.top1), percent_text(entry.accuracy.top5),
            entry.accuracy.source or "-",
        ]
        for entry in members
    ]  # fmt: skip
    return Table(columns, rows)

"""Every operator against torch: shape, parameters, MACs, what autograd keeps; and against independent mathematics."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from archspec.codes.operators import OPERATOR_CODES
from archspec.operators import OPERATORS
from archspec.operators.backward import Kept
from archspec.operators.conv import Conv
from archspec.operators.operator import Example, Misfit, Operator
from archspec.operators.pool import AvgPool, MaxPool
from archspec.operators.sliding import Sliding, axis_padding
from archspec.operators.subsample import Subsample
from archspec.operators.transposed import TransposedConv
from archspec.operators.values import is_int
from archspec.shape import Shape
from tests.calls import instantiate
from tests.torch_network import unseen_macs

ROW_KEYS = frozenset(
    [
        "size",
        "name",
        "type",
        "from",
        "norm",
        "activation",
        "repeat",
        "first",
        "last",
        "each",
        "when",
        "branches",
        "layers",
        "share",
        "parameters",
    ]
)
"""What a row may say besides its operator's attributes."""

BYTES = {"activation": 4, "weight": 4, "float32": 4, "int64": 8, "bool": 1}

EXAMPLES = [
    (operator, example, f"{operator.type}-{index}")
    for operator in OPERATORS
    for index, example in enumerate(operator.examples)
]
CASES = [pytest.param(operator, example, id=name) for operator, example, name in EXAMPLES]


class Case:
    """An example, read: the operator, its input shapes as it gets them, and its output's."""

    def __init__(self, operator: type[Operator], attributes: dict[str, Any], inputs: Sequence[tuple[int, ...]]) -> None:
        self.operator = operator.model_validate(attributes)
        self.inputs = [Shape(shape) for shape in inputs]
        if operator.flattens:
            self.inputs = [Shape.of(shape.elements) for shape in self.inputs]
        self.output = self.operator.shape(self.inputs)

    def build(self) -> Callable[..., Tensor]:
        torch.manual_seed(0)
        return instantiate(self.operator.lower(self.inputs, self.output))

    def tensors(self, batch: int, *, gradients: bool = False) -> list[Tensor]:
        torch.manual_seed(1)
        return [torch.randn(batch, *shape, requires_grad=gradients) for shape in self.inputs]


def case_of(operator: type[Operator], example: Example) -> Case:
    return Case(operator, example.attributes, example.inputs)


def state(built: Callable[..., Tensor]) -> dict[str, Tensor]:
    return built.state_dict() if isinstance(built, nn.Module) else {}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# --- what every operator says about itself


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.type)
def test_documented(operator: type[Operator]) -> None:
    assert operator.__doc__
    assert operator.__doc__ != Operator.__doc__
    assert operator.examples
    assert all(field.description for field in operator.model_fields.values())
    shown = {attribute for example in operator.examples for attribute in example.attributes}
    assert shown == set(operator.model_fields), "an attribute that no example shows"
    assert not ROW_KEYS & set(operator.model_fields)
    assert operator.size_attribute is None or operator.size_attribute in operator.model_fields
    assert operator.model_json_schema()


def test_names_are_unique() -> None:
    types = [operator.type for operator in OPERATORS]
    aliases = [alias for operator in OPERATORS for alias in operator.aliases]
    assert len(set(types)) == len(types)
    assert len(set(aliases)) == len(aliases)
    assert not set(types) & set(aliases)
    assert all(alias == " ".join(alias.lower().split()) for alias in aliases)


# --- every example against torch


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_shape(operator: type[Operator], example: Example) -> None:
    case = case_of(operator, example)
    built = case.build()
    if isinstance(built, nn.Module):
        built.eval()
    for batch in (1, 3):
        output = built(*case.tensors(batch))
        assert output.shape == (batch, *case.output)
        assert output.isfinite().all()
    with torch.device("meta"):
        assert case.build()(*case.tensors(2)).shape == (2, *case.output)


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_parameters(operator: type[Operator], example: Example) -> None:
    case = case_of(operator, example)
    built = case.build()
    owned = case.operator.parameters(case.inputs)
    tensors = state(built)
    assert [(name, tuple(tensor.shape)) for name, tensor in tensors.items()] == [(p.name, p.shape) for p in owned]
    trained = dict(built.named_parameters()) if isinstance(built, nn.Module) else {}
    for parameter in owned:
        if parameter.kind in ("trained", "frozen"):
            assert trained[parameter.name].requires_grad == (parameter.kind == "trained")
        else:
            assert parameter.name not in trained
        assert (parameter.kind == "counter") == (not tensors[parameter.name].is_floating_point())
        assert tensors[parameter.name].isfinite().all()


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_macs(operator: type[Operator], example: Example) -> None:
    case = case_of(operator, example)
    with torch.device("meta"):
        built, inputs = case.build(), case.tensors(1)
    if isinstance(built, nn.Module):
        built.eval()
    with FlopCounterMode(display=False) as counter:
        built(*inputs)
    unseen = unseen_macs(case.operator, case.inputs, case.output)
    assert counter.get_total_flops() == 2 * (case.operator.macs(case.inputs, case.output) + unseen)


def measured_kept(built: Callable[..., Tensor], inputs: Sequence[Tensor]) -> tuple[set[str], int]:
    """Which of `input0`.. and `output` autograd keeps, and the bytes of what it keeps besides."""
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = built(*inputs)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    if isinstance(built, nn.Module):
        for tensor in (*built.parameters(), *built.buffers()):
            storages.pop(tensor.untyped_storage().data_ptr(), None)
    named: set[str] = set()
    for name, tensor in [(f"input{index}", tensor) for index, tensor in enumerate(inputs)] + [("output", output)]:
        if storages.pop(tensor.untyped_storage().data_ptr(), None) is not None:
            named.add(name)
    return named, sum(storages.values())


def stated_kept(kept: Sequence[Kept], batch: int) -> tuple[set[str], int]:
    named = {f"input{item.index}" if item.what == "input" else "output" for item in kept if item.what != "new"}
    new = {item.name: item for item in kept if item.what == "new"}
    assert len(new) == sum(item.what == "new" for item in kept), "two tensors of one name"
    return named, sum(item.elements * BYTES[item.dtype] * (1 if item.per_batch else batch) for item in new.values())


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("operator", "example"), CASES)
def test_keeps(operator: type[Operator], example: Example, batch: int) -> None:
    case = case_of(operator, example)
    if operator.type == "batch_norm" and batch * case.output.area == 1:
        pytest.skip("torch refuses a variance of one value")
    built = case.build()
    trains = any(parameter.kind == "trained" for parameter in case.operator.parameters(case.inputs))
    for needs in product([False, True], repeat=len(case.inputs)):
        inputs = [tensor.requires_grad_(need) for tensor, need in zip(case.tensors(batch), needs, strict=True)]
        kept = case.operator.keeps(case.inputs, case.output, needs) if trains or any(needs) else ()
        assert measured_kept(built, inputs) == stated_kept(kept, batch), needs


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_view_and_identity(operator: type[Operator], example: Example) -> None:
    case = case_of(operator, example)
    built = case.build()
    inputs = case.tensors(2)
    for training in (True, False):
        if isinstance(built, nn.Module):
            built.train(training)
        output = built(*inputs)
        is_view = output.untyped_storage().data_ptr() == inputs[0].untyped_storage().data_ptr()
        assert is_view == case.operator.is_view(training=training)
    if operator.inference_identity:
        assert output is inputs[0]


@pytest.mark.parametrize(("operator", "example"), CASES)
def test_formulas_agree(operator: type[Operator], example: Example) -> None:
    """The numbers put into a formula are worth the result printed beside them."""
    case = case_of(operator, example)
    for formula in case.operator.formulas(case.inputs, case.output):
        if formula.quantity == "padding":
            continue
        expression = re.sub(r"that .*", "", formula.numbers).replace(",", "").replace(" x ", " * ")
        value = eval(expression, {"floor": math.floor, "ceil": math.ceil})
        assert f"{value}" == formula.result.replace(",", ""), formula
        if formula.quantity in ("height", "width"):
            assert value == case.output[["height", "width"].index(formula.quantity) + 1]


# --- receptive fields, measured


MOVING = ("transposed_conv", "adaptive_avg_pool", "upsample")
WINDOWS = [
    pytest.param(operator, example, id=name)
    for operator, example, name in EXAMPLES
    if issubclass(operator, Sliding) or operator.type in MOVING
]


@pytest.mark.parametrize(("operator", "example"), WINDOWS)
def test_window(operator: type[Operator], example: Example) -> None:
    """Gradients of single outputs reach as far as the window says, and move by its stride."""
    case = Case(operator, example.attributes, [(example.inputs[0][0], 23, 26)])
    window = case.operator.window(case.inputs)
    torch.manual_seed(2)
    images = torch.randn(64, *case.inputs[0], requires_grad=True)
    output = case.build()(images)
    for axis, side in enumerate(case.output[1:]):
        inner = range(side // 3, max(side // 3 + 1, 2 * side // 3))
        spans = {at: span for at in inner if (span := seen_from(output, images, axis, at))}
        size = max(last - first + 1 for first, last in spans.values())
        if window.whole:
            assert size == case.inputs[0][axis + 1]
            continue
        view = (window.down, window.across)[axis]
        assert size == view.extent
        for at in inner:
            turn, place = divmod(at, view.turn)
            taps, moved = view.taps(place), turn * view.advance
            assert spans.get(at) == ((taps[0] + moved, taps[-1] + moved) if taps else None)


def seen_from(output: Tensor, images: Tensor, axis: int, position: int) -> tuple[int, int] | None:
    """The first and last row (or column) that outputs at a position depend on, if any."""
    picked = output.select(2 + axis, position)
    (gradient,) = torch.autograd.grad(picked.square().sum(), images, retain_graph=True)
    reached = gradient.abs().sum(dim=(0, 1, 3 - axis)).nonzero().flatten().tolist()
    return (reached[0], reached[-1]) if reached else None


# --- independent mathematics


@pytest.mark.parametrize("kernel", range(1, 8))
@pytest.mark.parametrize("stride", range(1, 8))
def test_same_padding_by_definition(kernel: int, stride: int) -> None:
    """The least padding for which ceil(size / stride) windows fit, split evenly, the odd one after."""
    for size, dilation in product(range(1, 20), (1, 2, 3)):
        extent = dilation * (kernel - 1) + 1
        wanted = math.ceil(size / stride)
        least = next(total for total in range(100) if (wanted - 1) * stride + extent <= size + total)
        before, after = axis_padding("same", size, kernel, stride, dilation)
        assert before + after == least
        assert after - before in (0, 1)
        conv = Conv(maps=1, kernel=(kernel, 1), stride=(stride, 1), dilation=(dilation, 1), padding="same")
        assert conv.shape([Shape.of(1, size, 1)]) == (1, wanted, 1)


def naive_conv(image: np.ndarray, weight: np.ndarray, stride: int, sides: Sequence[int]) -> np.ndarray:
    top, bottom, left, right = sides
    padded = np.pad(image, ((0, 0), (top, bottom), (left, right)))
    kernel = weight.shape[2:]
    rows = range(0, padded.shape[1] - kernel[0] + 1, stride)
    columns = range(0, padded.shape[2] - kernel[1] + 1, stride)
    return np.array(
        [
            [[(padded[:, r : r + kernel[0], c : c + kernel[1]] * one).sum() for c in columns] for r in rows]
            for one in weight
        ]
    )


@pytest.mark.parametrize(
    ("attributes", "sides"),
    [
        ({"padding": "same", "stride": 2}, (0, 1, 1, 1)),
        ({"padding": [2, 0, 1, 3]}, (2, 0, 1, 3)),
        ({"padding": "half", "stride": 3}, (1, 1, 1, 1)),
    ],
)
def test_conv_against_a_sum(attributes: dict[str, Any], sides: tuple[int, int, int, int]) -> None:
    case = Case(Conv, {"maps": 2, "kernel": 3, "bias": False, **attributes}, [(3, 6, 7)])
    built, image = case.build(), case.tensors(1)[0]
    assert isinstance(built, nn.Module)
    weight = built.get_parameter("weight").detach().numpy()
    expected = naive_conv(image[0].numpy(), weight, case.operator.model_dump()["stride"][0], sides)
    np.testing.assert_allclose(built(image).detach()[0].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_partial_conv_is_a_conv_with_zeros() -> None:
    connections = [[0, 2], [1], [0, 1, 2], [2, 0]]
    case = Case(Conv, {"maps": 4, "kernel": 3, "connections": connections, "padding": [0, 1, 2, 0]}, [(3, 6, 7)])
    built, image = case.build(), case.tensors(2)[0]
    assert isinstance(built, nn.Module)
    full = torch.zeros(4, 3, 3, 3)
    wires = iter(built.get_parameter("weight").detach())
    for target, seen in enumerate(connections):
        for source in seen:
            full[target, source] = next(wires)
    expected = F.conv2d(F.pad(image, (2, 0, 0, 1)), full, built.get_parameter("bias"))
    torch.testing.assert_close(built(image), expected)


@pytest.mark.parametrize(
    "attributes", [{"stride": 2, "kernel": 5}, {"stride": 2, "kernel": 4}, {"stride": 3, "kernel": 2}]
)
def test_same_transposed_conv_is_the_gradient_of_a_same_conv(attributes: dict[str, int]) -> None:
    """Keras' definition: what a `same` convolution of the enlarged image passes back."""
    case = Case(TransposedConv, {"maps": 2, "padding": "same", "bias": False, **attributes}, [(3, 4, 5)])
    built, small = case.build(), case.tensors(2)[0]
    assert isinstance(built, nn.Module)
    stride = attributes["stride"]
    large = torch.zeros(2, 2, 4 * stride, 5 * stride, requires_grad=True)
    down, across = (axis_padding("same", side * stride, attributes["kernel"], stride) for side in (4, 5))
    forward = F.conv2d(F.pad(large, (*across, *down)), built.get_parameter("weight"), stride=stride)
    (expected,) = torch.autograd.grad(forward, large, small)
    torch.testing.assert_close(built(small), expected)


@pytest.mark.parametrize("example", [{}, {"r": 3, "alpha": 0.5, "beta": 0.5, "k": 1.0}, {"r": 7, "alpha": 0.1}])
def test_lrn_against_the_paper(example: dict[str, Any]) -> None:
    """b_i = a_i / (k + alpha x sum of a_j^2 for j from max(0, i - n/2) to min(N - 1, i + n/2))^beta"""
    lrn = next(operator for operator in OPERATORS if operator.type == "local_response_norm")
    case = Case(lrn, example, [(6, 2, 3)])
    numbers = {"r": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, **example}
    image = case.tensors(1)[0] * 20
    a = image[0].double().numpy()
    half = numbers["r"] // 2
    b = np.empty_like(a)
    for i in range(6):
        total = sum(a[j] ** 2 for j in range(max(0, i - half), min(5, i + half) + 1))
        b[i] = a[i] / (numbers["k"] + numbers["alpha"] * total) ** numbers["beta"]
    np.testing.assert_allclose(case.build()(image)[0].numpy(), b, rtol=1e-5)
    with pytest.raises(ValidationError, match="odd"):
        lrn.model_validate({"r": 4})


def naive_pool(image: np.ndarray, pool: MaxPool | AvgPool, output: Shape) -> np.ndarray:
    """Each window's pixels collected one by one; NaN stands for padding that does not count."""
    (vertical, horizontal), maps = pool.axes(Shape(image.shape)), image.shape[0]
    counts = isinstance(pool, AvgPool) and pool.count_padding
    result = np.empty(output)
    for m, r, c in product(range(maps), range(output.height), range(output.width)):
        values: list[float] = []
        for i, j in product(range(vertical.kernel), range(horizontal.kernel)):
            y = r * vertical.stride - vertical.before + i * vertical.dilation
            x = c * horizontal.stride - horizontal.before + j * horizontal.dilation
            if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                values.append(image[m, y, x])
            elif counts and y < image.shape[1] + vertical.after and x < image.shape[2] + horizontal.after:
                values.append(0.0)
        result[m, r, c] = max(values) if isinstance(pool, MaxPool) else sum(values) / len(values)
    return result


POOLS: list[tuple[type[MaxPool] | type[AvgPool], dict[str, Any]]] = [
    (AvgPool, {"padding": "same", "count_padding": False}),
    (AvgPool, {"padding": "same", "count_padding": True}),
    (AvgPool, {"padding": [0, 2, 1, 0], "count_padding": False, "ceil": True}),
    (AvgPool, {"padding": [0, 2, 1, 0], "count_padding": True, "ceil": True}),
    (AvgPool, {"padding": 2, "count_padding": True, "ceil": True}),
    (AvgPool, {"padding": 1, "count_padding": False, "ceil": True}),
    (MaxPool, {"padding": "same"}),
    (MaxPool, {"padding": [0, 2, 1, 0], "ceil": True}),
    (MaxPool, {"padding": 2, "ceil": True}),
    (MaxPool, {"padding": "half", "dilation": 2}),
]


@pytest.mark.parametrize(("operator", "attributes"), POOLS)
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (3, 1), (2, 3), (4, 3)])
def test_pools_against_single_pixels(
    operator: type[MaxPool] | type[AvgPool], attributes: dict[str, Any], kernel: int, stride: int
) -> None:
    for height, width in ((5, 6), (6, 7)):
        case = shape_or_misfit(operator, {"kernel": kernel, "stride": stride, **attributes}, (2, height, width))
        if case is None:  # some window would see only padding
            assert attributes["padding"] in (2, [0, 2, 1, 0])
            continue
        assert isinstance(case.operator, (MaxPool, AvgPool))
        image = case.tensors(1)[0] - 3  # below zero: a zero of the padding would be the largest
        expected = naive_pool(image[0].numpy(), case.operator, case.output)
        np.testing.assert_allclose(case.build()(image)[0].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_subsample_against_a_mean() -> None:
    case = Case(Subsample, {}, [(2, 5, 4)])
    built, image = case.build(), case.tensors(1)[0]
    assert isinstance(built, nn.Module)
    with torch.no_grad():
        built.get_parameter("coefficient").copy_(torch.tensor([2.0, -3.0]))
        built.get_parameter("bias").copy_(torch.tensor([0.5, 0.25]))
    a = image[0].numpy()
    means = np.array(
        [[[a[m, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2].mean() for c in (0, 1)] for r in (0, 1)] for m in (0, 1)]
    )
    expected = means * np.array([2.0, -3.0])[:, None, None] + np.array([0.5, 0.25])[:, None, None]
    np.testing.assert_allclose(built(image).detach()[0].numpy(), expected, rtol=1e-5)


def build(kind: str, attributes: dict[str, Any], *shapes: tuple[int, ...]) -> tuple[Case, Callable[..., Tensor]]:
    operator = next(operator for operator in OPERATORS if operator.type == kind)
    case = Case(operator, attributes, shapes)
    return case, case.build()


def test_rbf_against_distances() -> None:
    case, built = build("rbf", {"units": 3}, (5,))
    assert isinstance(built, nn.Module)
    codes, image = built.get_parameter("codes").detach().numpy(), case.tensors(2)[0]
    assert set(np.unique(codes)) == {-1.0, 1.0}
    expected = [[sum((x - w) ** 2 for x, w in zip(row, code, strict=True)) for code in codes] for row in image.numpy()]
    np.testing.assert_allclose(built(image).detach().numpy(), expected, rtol=1e-5)


def test_depthwise_max_pool_against_numpy() -> None:
    case, built = build("depthwise_max_pool", {"kernel": 3, "stride": 2}, (8, 2, 3))
    a = case.tensors(1)[0]
    expected = np.stack([a[0].numpy()[start : start + 3].max(axis=0) for start in (0, 2, 4)])
    np.testing.assert_array_equal(built(a)[0].numpy(), expected)


def test_layer_norm_over_maps_against_numpy() -> None:
    case, built = build("layer_norm", {"over": "maps", "affine": False}, (6, 2, 3))
    a = case.tensors(1)[0]
    x = a[0].double().numpy()
    expected = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)
    np.testing.assert_allclose(built(a)[0].numpy(), expected, rtol=1e-4, atol=1e-6)


def test_scaled_tanh_is_one_at_one() -> None:
    _, built = build("scaled_tanh", {}, (2,))
    torch.testing.assert_close(built(torch.tensor([[1.0, -1.0]])), torch.tensor([[1.0, -1.0]]), atol=1e-4, rtol=0)


def test_stochastic_depth_drops_whole_images() -> None:
    case, built = build("stochastic_depth", {"rate": 0.25}, (2, 3, 3))
    output = built(torch.ones(400, *case.output))
    images = output.flatten(1)
    assert images.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert (images == images[:, :1]).all()
    assert 250 < (images[:, 0] > 0).sum() < 350


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        ("slice", {"start": 1, "stop": 3}, lambda x: x[:, 1:3]),
        ("split", {"parts": 3, "part": 2}, lambda x: x[:, 4:6]),
        ("crop", {"sides": [0, 1, 2, 0]}, lambda x: x[:, :, 0:3, 2:5]),
        ("crop", {"to": [3, 2]}, lambda x: x[:, :, 0:3, 1:3]),
        ("reshape", {"to": "12x2x5"}, lambda x: x.reshape(-1, 12, 2, 5)),
        ("channel_shuffle", {"groups": 2}, lambda x: x[:, [0, 3, 1, 4, 2, 5]]),
        ("upsample", {"scale": 2}, lambda x: x.repeat_interleave(2, 2).repeat_interleave(2, 3)),
        ("adaptive_avg_pool", {"to": [2, 1]}, lambda x: x.reshape(-1, 6, 2, 2, 5).mean((3, 4)).unsqueeze(3)),
    ],
)
def test_arrangements(kind: str, attributes: dict[str, Any], expected: Callable[[Tensor], Tensor]) -> None:
    case, built = build(kind, attributes, (6, 4, 5))
    image = case.tensors(2)[0]
    torch.testing.assert_close(built(image), expected(image))


def test_combinations() -> None:
    shape = (3, 2, 2)
    case, add = build("add", {}, shape, shape, shape)
    a, b, c = case.tensors(2)
    torch.testing.assert_close(add(a, b, c), a + b + c)
    torch.testing.assert_close(build("multiply", {}, shape, shape, shape)[1](a, b, c), a * b * c)
    torch.testing.assert_close(build("concat", {}, shape, shape)[1](a, b), torch.stack([a, b], 1).flatten(1, 2))


# --- sizes at random, torch the judge


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
    ceil=st.booleans(),
)
def test_pool_sizes(*, size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> None:
    image = torch.zeros(1, 1, size, size)
    window = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": ceil}
    for operator, attributes in ((MaxPool, {**window, "dilation": dilation}), (AvgPool, window)):
        case = shape_or_misfit(operator, attributes, (1, size, size))
        try:
            if operator is MaxPool:
                expected = F.max_pool2d(image, kernel, stride, padding, dilation, ceil)
            else:
                expected = F.avg_pool2d(image, kernel, stride, padding, ceil)
        except RuntimeError:
            # padding beyond half the kernel is torch's limit, not ours
            assert case is None or padding > kernel // 2
            if case is not None:
                assert case.build()(image).shape[1:] == case.output
            continue
        assert case is not None
        assert case.output == expected.shape[1:] == case.build()(image).shape[1:]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    sides=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    dilation=st.integers(1, 3),
    groups=st.sampled_from([1, 2, 3]),
)
def test_conv_sizes(*, size: int, kernel: int, stride: int, sides: list[int], dilation: int, groups: int) -> None:
    attributes = {"maps": 6, "kernel": kernel, "stride": stride, "dilation": dilation, "groups": groups}
    case = shape_or_misfit(Conv, {**attributes, "padding": sides}, (4, size, size))
    top, bottom, left, right = sides
    with torch.device("meta"):
        image, weight = torch.zeros(1, 4, size, size), torch.zeros(6, 4 // groups, kernel, kernel)
        try:
            padded = F.pad(image, (left, right, top, bottom))
            expected = F.conv2d(padded, weight, None, stride, 0, dilation, groups)
        except RuntimeError:
            assert case is None
            return
        assert case is not None
        assert case.output == expected.shape[1:] == case.build()(image).shape[1:]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 6),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.one_of(st.integers(0, 3), st.sampled_from(["same", "half"]), st.tuples(*[st.integers(0, 2)] * 4)),
    added=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
def test_transposed_conv_sizes(*, size: int, kernel: int, stride: int, padding: Any, added: int, dilation: int) -> None:
    attributes = {"maps": 2, "kernel": kernel, "stride": stride, "dilation": dilation}
    case = shape_or_misfit(TransposedConv, {**attributes, "padding": padding, "output_padding": added}, (2, size, size))
    image = torch.zeros(1, 2, size, size)
    if padding == "same":
        assert (case is None) == (added > 0)
        if case is not None:
            assert case.output == (2, size * stride, size * stride) == case.build()(image).shape[1:]
        return
    extent = dilation * (kernel - 1) + 1
    crop = [extent // 2] * 4 if padding == "half" else [padding] * 4 if isinstance(padding, int) else list(padding)
    top, bottom, left, right = crop
    try:
        whole = nn.ConvTranspose2d(2, 2, kernel, stride, 0, added, dilation=dilation)(image)
        expected = F.pad(whole, (-left, -right, -top, -bottom))
    except RuntimeError:
        assert case is None
        return
    if 0 in expected.shape:  # what F.pad leaves, torch's convolutions refuse
        assert case is None
        return
    assert case is not None
    assert case.output == expected.shape[1:] == case.build()(image).shape[1:]


def shape_or_misfit(operator: type[Operator], attributes: dict[str, Any], shape: tuple[int, ...]) -> Case | None:
    try:
        return Case(operator, attributes, [shape])
    except Misfit:
        return None


# --- what does not fit

MAPS, VECTOR = (4, 6, 6), (10,)

MISFITS: list[tuple[str, str, dict[str, Any], list[tuple[int, ...]], str | None, str]] = [
    ("E201", "conv", {"maps": 2, "kernel": 3}, [VECTOR], None, "reshape"),
    ("E201", "global_avg_pool", {}, [VECTOR], None, "reshape"),
    ("E203", "conv", {"maps": 2, "kernel": 7}, [MAPS], "kernel", "use kernel: 6, or padding: same"),
    ("E203", "conv", {"maps": 2, "kernel": 3, "dilation": 3}, [MAPS], "kernel", "dilation: 1"),
    ("E203", "subsample", {"kernel": 7}, [MAPS], "kernel", "use kernel: 6"),
    ("E203", "depthwise_max_pool", {"kernel": 5}, [MAPS], "kernel", "use kernel: 4"),
    ("E204", "crop", {"sides": 3}, [MAPS], "sides", "use sides: 2"),
    ("E204", "transposed_conv", {"maps": 2, "kernel": 1, "padding": 3}, [MAPS], "padding", "same"),
    ("E206", "add", {}, [MAPS, (8, 6, 6)], None, "maps: 4, kernel: 1 after {1}"),
    ("E206", "add", {}, [MAPS, MAPS, (4, 3, 3)], None, "stride: 2"),
    ("E206", "add", {}, [MAPS, (4, 5, 5)], None, "padding: same"),
    ("E206", "multiply", {}, [VECTOR, (5,)], None, "units: 10 after {1}"),
    ("E206", "concat", {}, [MAPS, (9, 3, 3)], None, "stride: 2"),
    ("E206", "concat", {}, [MAPS, VECTOR], None, "reshape"),
    ("E207", "conv", {"maps": 6, "kernel": 1, "groups": 3}, [MAPS], "groups", "any divisor of 2"),
    ("E207", "conv", {"maps": 6, "kernel": 1, "groups": 4}, [MAPS], "groups", "use groups: 2"),
    ("E207", "group_norm", {"groups": 3}, [MAPS], "groups", "any divisor of 4"),
    ("E207", "channel_shuffle", {"groups": 8}, [MAPS], "groups", "use groups: 4"),
    ("E208", "reshape", {"to": "16x3x4"}, [MAPS], "to", "use to: 12x3x4"),
    ("E208", "reshape", {"to": 100}, [MAPS], "to", "use to: 144"),
    ("E209", "scale", {}, [MAPS, (4,)], None, "to: 4x1x1"),
    ("E209", "scale", {}, [(4, 1, 1), MAPS], None, "swap"),
    ("E209", "scale", {}, [MAPS, MAPS], None, "global_avg_pool"),
    ("E209", "scale", {}, [MAPS, (2, 1, 1)], None, "maps: 4"),
    ("E209", "scale", {}, [VECTOR, VECTOR], None, "multiply"),
    ("E210", "slice", {"stop": 5}, [MAPS], "stop", "use stop: 4"),
    ("E210", "slice", {"start": 2, "stop": 2}, [MAPS], "start", "use start: 1"),
    ("E210", "split", {"parts": 3, "part": 0}, [MAPS], "parts", "any divisor of 4"),
    ("E210", "split", {"parts": 2, "part": 2}, [MAPS], "part", "use part: 1"),
    ("E211", "conv", {"maps": 1, "kernel": 1, "connections": [[4]]}, [MAPS], "connections", "one list"),
    ("E211", "conv", {"maps": 2, "kernel": 1, "connections": [[0]]}, [MAPS], "connections", "one list"),
    ("E211", "conv", {"maps": 1, "kernel": 1, "connections": [[0, 0]]}, [MAPS], "connections", "one list"),
    ("E211", "conv", {"maps": 2, "kernel": 1, "connections": [[0], [1]], "groups": 2}, [MAPS], "connections", ""),
    ("E212", "transposed_conv", {"maps": 1, "kernel": 3, "output_padding": 1}, [MAPS], "output_padding", "0"),
    (
        "E212", "transposed_conv", {"maps": 1, "kernel": 3, "stride": 2, "padding": "same", "output_padding": 1},
        [MAPS], "output_padding", "leave",
    ),
    ("E216", "max_pool", {"kernel": 2, "padding": 2}, [MAPS], "padding", "padding: 1"),
    ("E216", "avg_pool", {"kernel": 2, "padding": [0, 3, 0, 0], "count_padding": False}, [MAPS], "padding", "same"),
    ("E217", "crop", {}, [MAPS], None, "give `sides` or `to`"),
    ("E217", "crop", {"sides": 1, "to": 2}, [MAPS], "to", "give `sides` or `to`"),
    ("E217", "upsample", {}, [MAPS], None, "give `scale` or `to`"),
    ("E217", "upsample", {"scale": 2, "align_corners": True}, [MAPS], "align_corners", "bilinear"),
    ("E218", "crop", {"to": 7}, [MAPS], "to", "use to: 6x6"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "attributes", "shapes", "attribute", "help"), MISFITS)
def test_misfits(
    *, code: str, kind: str, attributes: dict[str, Any], shapes: list[tuple[int, ...]], attribute: str | None, help: str
) -> None:
    with pytest.raises(Misfit) as raised:
        build(kind, attributes, *shapes)
    misfit = raised.value
    assert (misfit.code, misfit.attribute) == (code, attribute)
    assert misfit.help is not None
    assert help in misfit.help
    names = [f"row{index}" for index in range(len(shapes))]
    for text in (misfit.message, misfit.label, misfit.help):
        assert "{" not in text.format(*names, row="here")


@pytest.mark.parametrize("operator", [operator for operator in OPERATORS if operator.adjustable])
def test_variations(operator: type[Operator]) -> None:
    """What a table's sizes may imply: other values of the open attribute, none of the others changed."""
    row = operator.model_validate(operator.examples[-1].attributes)
    for name in operator.adjustable:
        varied = list(row.variations(frozenset([name])))
        assert varied
        for each in varied:
            assert operator.model_validate(row.model_dump() | {name: getattr(each, name)}) == each


HUGE = 2**53


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.type)
def test_huge_numbers_cost_nothing(operator: type[Operator]) -> None:
    """Limits are checked after shapes: arithmetic alone may touch an attribute's value."""
    for example in operator.examples:
        for attribute, value in example.attributes.items():
            if is_int(value):
                attributes = {**example.attributes, attribute: HUGE - 1}
                try:
                    case = Case(operator, attributes, example.inputs)
                except (Misfit, ValidationError):
                    continue
                case.operator.parameters(case.inputs)
                case.operator.macs(case.inputs, case.output)
                case.operator.keeps(case.inputs, case.output, [True] * len(case.inputs))
                case.operator.formulas(case.inputs, case.output)
                case.operator.lower(case.inputs, case.output)
                case.operator.window(case.inputs)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, "0.5", True, None])
def test_numbers_are_finite_numbers(wrong: object) -> None:
    for kind, attribute in (("dropout", "rate"), ("elu", "alpha"), ("batch_norm", "eps"), ("pad", "value")):
        operator = next(operator for operator in OPERATORS if operator.type == kind)
        with pytest.raises(ValidationError):
            operator.model_validate({"padding": 1, attribute: wrong} if kind == "pad" else {attribute: wrong})


def test_every_code_has_a_page() -> None:
    raised = {code for code, *_ in MISFITS}
    pages = [page.code for page in OPERATOR_CODES]
    assert set(pages) == raised
    assert pages == sorted(set(pages))

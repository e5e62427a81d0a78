"""Optimizers, schedules, losses and figures against torch's own, and against the papers' formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler

import archspec
from archspec.training import (
    MSE,
    SGD,
    Adam,
    AdamW,
    BinaryCrossEntropy,
    CrossEntropy,
    Plateau,
    RBFLoss,
    RMSprop,
    TrainKeys,
)
from compiler.data.targets import Target
from compiler.train.losses import Criterion, criteria_of, total_loss
from compiler.train.mean import MovingMean
from compiler.train.metrics import Sums
from compiler.train.optimizer import Optimizer
from compiler.train.schedule import Fall, Schedule

OPTIMIZERS = [
    (SGD(rate=0.1, momentum=0.0), lambda params: torch.optim.SGD(params, lr=0.1)),
    (SGD(rate=0.1, weight_decay=0.1, decay_all=True), lambda params: torch.optim.SGD(
        params, lr=0.1, momentum=0.9, weight_decay=0.1)),
    (SGD(rate=0.1, nesterov=True), lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True)),
    (Adam(rate=0.1), lambda params: torch.optim.Adam(params, lr=0.1)),
    (Adam(rate=0.1, weight_decay=0.1, decay_all=True, betas=(0.8, 0.9), eps=1e-3), lambda params: torch.optim.Adam(
        params, lr=0.1, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-3)),
    (AdamW(rate=0.1, weight_decay=0.1, decay_all=True), lambda params: torch.optim.AdamW(
        params, lr=0.1, weight_decay=0.1)),
    (RMSprop(rate=0.1), lambda params: torch.optim.RMSprop(params, lr=0.1)),
    (RMSprop(rate=0.1, alpha=0.9, momentum=0.5, weight_decay=0.1, decay_all=True), lambda params: torch.optim.RMSprop(
        params, lr=0.1, alpha=0.9, momentum=0.5, weight_decay=0.1)),
]  # fmt: skip


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 3))


@pytest.mark.parametrize(("keys", "reference"), OPTIMIZERS, ids=lambda each: getattr(each, "type", ""))
def test_steps_are_those_of_torch(keys: Any, reference: Callable[..., torch.optim.Optimizer]) -> None:
    ours, theirs = network(), network()
    optimizer, other = Optimizer.of(ours, keys), reference(theirs.parameters())
    optimizer.rate = keys.rate
    for step in range(5):
        images = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        for each in (ours, theirs):
            each(images).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        other.step()
        other.zero_grad()
    for (name, param), expected in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(param, expected, rtol=1e-5, atol=1e-6, msg=name)


def test_norms_and_biases_do_not_decay() -> None:
    made = network()
    optimizer = Optimizer.of(made, SGD(rate=0.1, weight_decay=0.5, momentum=0.0))
    before = {name: param.detach().clone() for name, param in made.named_parameters()}
    for param in made.parameters():
        param.grad = torch.zeros_like(param)
    optimizer.rate = 0.1
    optimizer.step()
    for name, param in made.named_parameters():
        expected = before[name] * (0.95 if name in ("0.weight", "3.weight") else 1.0)
        torch.testing.assert_close(param.detach(), expected)


def keys_of(**train: Any) -> TrainKeys:
    return TrainKeys.model_validate({"data": "random", "optimizer": {"type": "sgd", "rate": 0.1}, **train})


SCHEDULES = [
    ({"schedule": "constant"}, lambda made: lr_scheduler.ConstantLR(made, 1.0)),
    ({"schedule": {"type": "step", "every": 2, "factor": 0.5}}, lambda made: lr_scheduler.StepLR(made, 14, 0.5)),
    ({"schedule": {"type": "cosine", "end": 0.1}}, lambda made: lr_scheduler.CosineAnnealingLR(made, 35, 0.01)),
    ({"schedule": {"type": "one_cycle", "peak": 0.2}}, lambda made: lr_scheduler.OneCycleLR(
        made, 0.1, total_steps=35, pct_start=0.2, cycle_momentum=False)),
]  # fmt: skip


@pytest.mark.parametrize(("train", "reference"), SCHEDULES, ids=["constant", "step", "cosine", "one_cycle"])
def test_rates_are_those_of_torch(train: dict[str, Any], reference: Callable[..., Any]) -> None:
    schedule = Schedule(keys_of(epochs=5, **train), steps_per_epoch=7)
    other = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = reference(other)
    for step in range(35):
        assert schedule.rate(step) == pytest.approx(other.param_groups[0]["lr"], rel=1e-9), step
        other.step()
        if step < 34:
            scheduler.step()


def test_warmup_rises_and_the_rest_begins_at_the_top() -> None:
    schedule = Schedule(keys_of(epochs=5, schedule={"type": "cosine", "warmup": 1.0}), steps_per_epoch=4)
    rates = [schedule.rate(step) for step in range(20)]
    assert rates[:4] == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert rates[4] == pytest.approx(0.1)
    assert all(first > second for first, second in pairwise(rates[4:]))


def test_second_phase_has_a_lower_rate() -> None:
    keys = keys_of(epochs=3, schedule="constant", freeze="stem", unfreeze={"epoch": 2, "rate": 0.5})
    schedule = Schedule(keys, steps_per_epoch=2)
    assert [schedule.rate(step) for step in range(6)] == pytest.approx([0.1, 0.1, 0.05, 0.05, 0.05, 0.05])


def test_plateau_is_torchs() -> None:
    losses = [1.0, 0.9, 0.95, 0.95, 0.91, 0.9, 0.8, 0.9, 0.9, 0.9, 0.9, 0.7]
    fall, keys = Fall(), Plateau(patience=2, factor=0.5)
    other = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(other, factor=0.5, patience=2, threshold=0.0)
    for loss in losses:
        fall.see(loss, keys)
        scheduler.step(loss)
        assert fall.factor == other.param_groups[0]["lr"]
    assert fall.factor < 1


SCORES = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 3.0], [-2.0, 1.0, 0.0], [0.3, 0.2, 0.1]])
TARGETS = torch.tensor([0, 2, 0, 1])
SHARES = F.one_hot(TARGETS, 3) * 0.7 + F.one_hot(TARGETS.roll(1), 3) * 0.3


def criterion(loss: Any, gives: Any = "scores") -> Criterion:
    return Criterion("out", loss, 1.0, gives, train_only=False)


LABELS = {"label": Target("classes", ("a", "b", "c"))}


def test_cross_entropy() -> None:
    exact = -SCORES.log_softmax(1)[range(4), TARGETS].mean()
    assert criterion(CrossEntropy())(SCORES, TARGETS) == pytest.approx(exact.item())
    assert criterion(CrossEntropy(), "probabilities")(SCORES.softmax(1), TARGETS) == pytest.approx(exact.item())
    mixed = -(SHARES * SCORES.log_softmax(1)).sum(1).mean()
    assert criterion(CrossEntropy())(SCORES, SHARES) == pytest.approx(mixed.item())
    smooth = 0.9 * exact - 0.1 * SCORES.log_softmax(1).mean()
    assert criterion(CrossEntropy(label_smoothing=0.1))(SCORES, TARGETS) == pytest.approx(smooth.item())


def test_probability_zero_of_the_right_class_is_a_finite_loss() -> None:
    certain = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = criterion(CrossEntropy(), "probabilities")(certain, torch.tensor([1]))
    loss.backward()
    assert loss.isfinite()
    assert certain.grad is not None
    assert certain.grad.isfinite().all()


def test_binary_cross_entropy() -> None:
    wanted = F.one_hot(TARGETS, 3).float()
    exact = F.binary_cross_entropy(SCORES.sigmoid(), wanted).item()
    assert criterion(BinaryCrossEntropy())(SCORES, TARGETS) == pytest.approx(exact)
    assert criterion(BinaryCrossEntropy(), "chances")(SCORES.sigmoid(), TARGETS) == pytest.approx(exact)
    one, labels = torch.tensor([[3.0], [-1.0], [0.5]]), torch.tensor([1, 0, 0])
    exact = -(one[0].sigmoid().log() + (1 - one[1].sigmoid()).log() + (1 - one[2].sigmoid()).log()).item() / 3
    assert criterion(BinaryCrossEntropy())(one, labels) == pytest.approx(exact)
    assert criterion(BinaryCrossEntropy()).predict(one).tolist() == [1, 0, 1]
    assert criterion(BinaryCrossEntropy()).probabilities(one).sum(1).tolist() == pytest.approx([1, 1, 1])


def test_mean_squared_error() -> None:
    exact = (SCORES - F.one_hot(TARGETS, 3)).square().mean().item()
    assert criterion(MSE())(SCORES, TARGETS) == pytest.approx(exact)
    numbers = torch.randn(4, 3)
    assert criterion(MSE())(SCORES, numbers) == pytest.approx((SCORES - numbers).square().mean().item())


def test_rbf_is_equation_9() -> None:
    """E = mean of y_D + log(e^-j + sum over i of e^-y_i), LeCun et al. (1998)."""
    distances, j = SCORES.abs(), 0.1
    exact = 0.0
    for row, target in zip(distances.tolist(), TARGETS.tolist(), strict=True):
        exact += row[target] + math.log(math.exp(-j) + sum(math.exp(-each) for each in row))
    assert criterion(RBFLoss(penalty=j), "distances")(distances, TARGETS) == pytest.approx(exact / 4)
    mixed = criterion(RBFLoss(penalty=j), "distances")(distances, F.one_hot(TARGETS, 3).float())
    assert mixed == pytest.approx(exact / 4)
    assert criterion(RBFLoss(), "distances").predict(distances).tolist() == distances.argmin(1).tolist()


TWO_HEADS = """
input: 4
layers:
  - {name: body, type: dense, units: 5, activation: relu}
  - {name: aux, type: dense, units: 3}
  - {name: out, type: dense, units: 3, from: body}
outputs:
  out: {from: out}
  aux: {from: aux, train_only: true, weight: 0.3}
train: {data: random, loss: {type: cross_entropy, label_smoothing: 0.1}}
"""


def test_auxiliary_head_has_its_weight() -> None:
    graph = archspec.loads(TWO_HEADS)
    assert graph.train is not None
    criteria = criteria_of(graph, graph.train, LABELS)
    other = SCORES.flip(0)
    plain = F.cross_entropy(SCORES, TARGETS, label_smoothing=0.1), F.cross_entropy(other, TARGETS, label_smoothing=0.1)
    assert total_loss(criteria, [SCORES, other], {"label": TARGETS}) == pytest.approx(
        (plain[0] + 0.3 * plain[1]).item()
    )


def test_natural_losses() -> None:
    graph = archspec.load("lenet5/1998")
    assert graph.train is not None
    (made,) = criteria_of(graph, graph.train, LABELS)
    assert isinstance(made.loss, RBFLoss)
    assert made.gives == "distances"


def test_figures_are_those_of_counting() -> None:
    torch.manual_seed(0)
    classes = tuple("abcdefg")
    scores, targets = torch.randn(50, 7), torch.randint(7, (50,))
    judged = replace(criterion(CrossEntropy()), target=Target("classes", classes))
    sums = Sums([judged], torch.device("cpu"))
    for start in (0, 20, 40):
        part, labels = scores[start : start + 20], targets[start : start + 20]
        sums.add([part], {"label": labels})
    found = sums.figures()
    predicted = scores.argmax(1)
    assert found["examples"] == 50
    assert found["loss"] == pytest.approx(F.cross_entropy(scores, targets).item(), rel=1e-6)
    assert found["accuracy"] == pytest.approx((predicted == targets).float().mean().item())
    ranks = (scores > scores[range(50), targets].unsqueeze(1)).sum(1)
    assert found["top5"] == pytest.approx((ranks < 5).float().mean().item())
    for index, name in enumerate(classes):
        both = int(((predicted == index) & (targets == index)).sum())
        said, are = int((predicted == index).sum()), int((targets == index).sum())
        assert found["classes"][name]["precision"] == pytest.approx(both / said)
        assert found["classes"][name]["recall"] == pytest.approx(both / are)
        assert found["classes"][name]["iou"] == pytest.approx(both / (said + are - both))
        assert found["confusion"][index][index] == both
        assert sum(found["confusion"][index]) == are


def test_moving_mean_follows_the_formula() -> None:
    made = nn.Linear(1, 1, bias=False)
    mean = MovingMean(made, 0.5)
    expected = made.weight.item()
    for step, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        with torch.no_grad():
            made.weight.fill_(value)
        mean.follow(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    assert mean.means["weight"].item() == pytest.approx(expected)
    with mean.in_place():
        assert made.weight.item() == pytest.approx(expected)
    assert made.weight.item() == 4.0

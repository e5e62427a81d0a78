"""Random numbers by key: those of the published generator, evenly spread, and the same however they are asked for."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from compiler.data.keyed import Choice, Keyed, _mixed  # noqa: E402

STEP = 0x9E3779B97F4A7C15 - 2**64
MANY = torch.arange(100_000)


def test_hash_is_splitmix64() -> None:
    # the first outputs of the generator's reference implementation, its seed 1234567
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    states = torch.tensor([1234567]) + torch.arange(1, 5) * STEP
    assert [int(each) % 2**64 for each in _mixed(states)] == published


def test_numbers_are_even_and_independent() -> None:
    drawn = torch.cat(
        [
            Keyed(0, 0, MANY).uniform(Choice.ZOOM, 2),
            Keyed(0, 0, MANY).uniform(Choice.ROTATION),
            Keyed(0, 1, MANY).uniform(Choice.ZOOM),
            Keyed(1, 0, MANY).uniform(Choice.ZOOM),
        ],
        1,
    ).double()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    # five standard deviations of a mean of so many
    assert (drawn.mean(0) - 0.5).abs().max() < 5 * (1 / 12 / len(MANY)) ** 0.5
    assert (drawn.var(0) - 1 / 12).abs().max() < 0.002
    assert (torch.corrcoef(drawn.T) - torch.eye(5)).abs().max() < 5 / len(MANY) ** 0.5


def test_whole_numbers_reach_every_value_equally_often() -> None:
    first, second = Keyed(3, 2, MANY).below(Choice.SHIFT, (5, 7)).unbind(1)
    for drawn, limit in ((first, 5), (second, 7)):
        counts = torch.bincount(drawn, minlength=limit).double()
        assert len(counts) == limit
        expected = len(MANY) / limit
        assert ((counts - expected).abs() < 5 * expected**0.5).all()


def test_normal_numbers() -> None:
    drawn = Keyed(0, 0, MANY).normal(Choice.PCA_JITTER, 3).double()
    assert drawn.isfinite().all()
    assert drawn.mean(0).abs().max() < 5 / len(MANY) ** 0.5
    assert (drawn.std(0) - 1).abs().max() < 0.01
    assert (drawn.abs() < 1.959964).double().mean() == pytest.approx(0.95, abs=0.002)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.4, 1.0, 2.0, 32.0, 1000.0])
def test_beta_numbers_have_the_moments_of_the_distribution(alpha: float) -> None:
    drawn = Keyed(0, 0, MANY).beta(Choice.MIXTURE, alpha).double()
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    centred = drawn - 0.5
    variance = 1 / (4 * (2 * alpha + 1))
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert centred.mean().abs() < 5 * (variance / len(MANY)) ** 0.5
    assert (centred**2).mean() == pytest.approx(variance, rel=0.015)
    assert (centred**4).mean() == pytest.approx(fourth, rel=0.04)


def test_numbers_of_an_example_do_not_depend_on_its_company() -> None:
    together = Keyed(7, 3, torch.arange(50))
    alone = Keyed(7, 3, torch.tensor([31, 4]))
    for choice in Choice:
        assert torch.equal(together.uniform(choice, 4)[[31, 4]], alone.uniform(choice, 4))
        assert torch.equal(together.uniform(choice, 4)[:, :2], together.uniform(choice, 2))
    assert torch.equal(together.beta(Choice.MIXTURE, 0.3)[[31, 4]], alone.beta(Choice.MIXTURE, 0.3))


@pytest.mark.parametrize("seed", [0, 1, 2**63, 2**64 - 1])
def test_any_seed_will_do(seed: int) -> None:
    drawn = Keyed(seed, 0, torch.arange(1000)).uniform(Choice.CROP)
    assert 0.45 < float(drawn.mean()) < 0.55

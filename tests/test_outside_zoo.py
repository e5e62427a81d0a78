"""Architectures that are not in the zoo, written in the language alone, against published counts.

Parameters and GMACs are the ones that torchvision publishes with its weights.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec

SPECS = Path(__file__).parent / "specs"


@pytest.mark.parametrize(
    ("spec", "variant", "parameters", "giga_macs"),
    [
        ("squeezenet", "v1_0", 1_248_424, 0.819),
        ("squeezenet", "v1_1", 1_235_496, 0.349),
        ("shufflenet_v2", "x0_5", 1_366_792, 0.040),
        ("shufflenet_v2", "x1_0", 2_278_604, 0.145),
        ("shufflenet_v2", "x1_5", 3_503_624, 0.296),
        ("shufflenet_v2", "x2_0", 7_393_996, 0.583),
        ("mnasnet", None, 4_383_312, 0.314),
    ],
)
def test_equals_its_published_counts(spec: str, variant: str | None, parameters: int, giga_macs: float) -> None:
    cost = archspec.cost(archspec.load(SPECS / f"{spec}.yaml", variant=variant))
    assert cost.trainable == parameters
    assert round(cost.macs / 1e9, 3) == giga_macs

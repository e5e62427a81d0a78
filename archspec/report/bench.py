"""What `archspec bench` measured: how long networks take on devices, and which to choose."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archspec.report.table import Column, Table
from archspec.report.units import bytes_text, count_text
from archspec.report.zoo import percent_text


@dataclass(frozen=True, slots=True)
class Spread:
    """The seconds that something took, over repetitions."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """The spread of some measurements."""
        return cls(statistics.median(seconds), min(seconds), max(seconds))

    def as_dict(self) -> dict[str, float]:
        return {"median": self.median, "least": self.least, "most": self.most}


@dataclass(frozen=True, slots=True)
class Pass:
    """A forward pass, or a training step, of one batch."""

    kind: str
    """`forward` or `step`"""
    seconds: Spread
    batch: int
    flops: int
    """floating-point operations of convolutions and matrix products in it"""
    memory: int | None
    """the most bytes of tensors alive in it, weights included; None where that is not known"""

    @property
    def images_per_second(self) -> float:
        return self.batch / self.seconds.median

    @property
    def flops_per_second(self) -> float:
        return self.flops / self.seconds.median


@dataclass(frozen=True, slots=True)
class Device:
    """Where it was measured."""

    name: str
    """as torch calls it"""
    model: str
    flops_per_second: float
    """of the fastest product of two large matrices"""


@dataclass(frozen=True, slots=True)
class Benched:
    """A network and its times on each device."""

    name: str
    input: str
    bytes: int
    parameters: int
    depth: int
    """layers with weights, one behind the other"""
    top1: float | None
    passes: dict[str, tuple[Pass, ...]]
    """for each device"""


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of `archspec bench`."""

    settings: dict[str, Any]
    devices: tuple[Device, ...]
    networks: tuple[Benched, ...]

    def choice(self) -> Table:
        """Which network to choose: what each costs and gives, a line a network."""
        columns = [
            Column("network"), Column("input", right=True, spare=2), Column("size", right=True),
            Column("top-1", right=True, spare=1), Column("parameters", right=True),
            Column("depth", right=True, spare=3),
            *(Column(f"ms an image, {device.name}", right=True) for device in self.devices),
        ]  # fmt: skip
        rows = [
            [
                each.name, each.input, bytes_text(each.bytes), percent_text(each.top1), f"{each.parameters:,}",
                str(each.depth),
                *(_milliseconds(1 / each.passes[device.name][0].images_per_second) for device in self.devices),
            ]
            for each in self.networks
        ]  # fmt: skip
        return Table(columns, rows)

    def heading(self, device: Device) -> str:
        """What was measured on a device, and how, in a line."""
        said = self.settings
        how = [
            f"batch {said['batch']}", said["dtype"], *(["channels last"] if said["channels_last"] else []),
            *(["compiled"] if said["compile"] else []), f"median of {said['repeats']}",
        ]  # fmt: skip
        peak = count_text(int(device.flops_per_second))
        return f"{device.name} ({device.model}): {', '.join(how)}; peak {peak}FLOP/s"

    def times(self, device: Device) -> Table:
        """What was measured on one device, a line a pass."""
        columns = [
            Column("network"), Column("pass"), Column("ms a batch", right=True), Column("least", right=True, spare=2),
            Column("most", right=True, spare=2), Column("images/s", right=True), Column("FLOP/s", right=True),
            Column("of the peak", right=True), Column("memory", right=True, spare=1),
        ]  # fmt: skip
        rows = [
            [
                each.name, one.kind, _milliseconds(one.seconds.median), _milliseconds(one.seconds.least),
                _milliseconds(one.seconds.most), _three_digits(one.images_per_second),
                count_text(int(one.flops_per_second)), f"{one.flops_per_second / device.flops_per_second:.1%}",
                "-" if one.memory is None else bytes_text(one.memory),
            ]
            for each in self.networks
            for one in each.passes[device.name]
        ]  # fmt: skip
        return Table(columns, rows)

    def as_dict(self) -> dict[str, Any]:
        """Everything for programs, times in seconds."""
        return {
            "settings": self.settings,
            "devices": [
                {"name": each.name, "model": each.model, "peak_flops": each.flops_per_second} for each in self.devices
            ],
            "networks": [self._network(each) for each in self.networks],
        }

    def _network(self, network: Benched) -> dict[str, Any]:
        peaks = {device.name: device.flops_per_second for device in self.devices}
        return {
            "name": network.name,
            "input": network.input,
            "bytes": network.bytes,
            "parameters": network.parameters,
            "depth": network.depth,
            "top1": network.top1,
            "times": {
                device: {
                    one.kind: {
                        "seconds": one.seconds.as_dict(),
                        "images_per_second": one.images_per_second,
                        "flops": one.flops,
                        "flops_per_second": one.flops_per_second,
                        "share_of_peak": one.flops_per_second / peaks[device],
                        "memory": one.memory,
                    }
                    for one in passes
                }
                for device, passes in network.passes.items()
            },
        }


def _milliseconds(seconds: float) -> str:
    return _three_digits(1000 * seconds)


def _three_digits(number: float) -> str:
    """A measured number: more digits would be noise."""
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2 if number >= 0.9995 else 3
    return f"{number:,.{digits}f}"

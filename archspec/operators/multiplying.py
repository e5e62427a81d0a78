"""What a dense layer of torch holds on a CPU: in bfloat16 oneDNN turns blocks of its matrices, and adds in float32."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.operators.workspace import Run, Wanted, rounded

_LEAST = 4096
"""multiplications, up to which torch does them itself"""
_COLUMNS = 64
"""columns of a block"""
_ROWS = 256
"""rows of a block that is turned"""
_DEEP, _DEEPER = 512, 1024
"""the depth of a block"""
_ROOM = 1024
_ALIGNED = 128


@dataclass(frozen=True, slots=True)
class Multiplying:
    """Features times weights."""

    features: int
    units: int

    def forward(self, run: Run) -> int:
        """While it computes its result."""
        return run.batch * self.units * run.element + self._straight(run, self.features, self.units)

    def backward(self, run: Run, wanted: Wanted) -> int:
        """While it computes gradients, the input's first."""
        data = run.batch * self.features * run.element if wanted.of_data else 0
        most = data + self._straight(run, self.units, self.features) if wanted.of_data else 0
        if wanted.of_weights:
            weights = self.features * self.units * run.element
            most = max(most, data + weights + self._turned(run))
        return most

    def _is_onednns(self, run: Run) -> bool:
        return run.element == 2 and run.batch * self.features * self.units > _LEAST

    def _straight(self, run: Run, depth: int, columns: int) -> int:
        """For a product with the images in rows."""
        if not self._is_onednns(run):
            return 0
        most = _DEEPER if run.batch > 1 and depth >= 2 * _DEEPER else _DEEP
        block = min(rounded(depth, 32), most) * _COLUMNS * run.element
        return block + 4 * run.batch * min(columns, _COLUMNS) + _ROOM

    def _turned(self, run: Run) -> int:
        """For the gradient of weights, whose depth are the images."""
        if not self._is_onednns(run):
            return 0
        depth = rounded(run.batch, 32)
        rows = -(-self.units // -(-self.units // _ROWS))
        return (depth * _COLUMNS + rows * depth) * run.element + 4 * rows * _COLUMNS + _ROOM + _ALIGNED

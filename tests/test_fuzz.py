"""A slice of the fuzzer, the same in every run; `python -m tests.fuzz` goes on for as long as it may."""

from __future__ import annotations

import pytest

from tests.fuzz import fuzz


@pytest.mark.parametrize("seed", range(4))
def test_mutated_specs_end_in_a_graph_or_in_diagnostics(seed: int) -> None:
    found = [f"{failure.kind}\n{text}\n{failure.detail}" for failure, text in fuzz(seed, lambda count: count < 300)]
    assert not found, "\n\n".join(found)

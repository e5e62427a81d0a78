"""Weights in files: reading, writing, and loading by name."""

from compiler.weights.files import Weights, check_order, read_weights, save
from compiler.weights.load import Misshaped, Report, compare, load, mismatches
from compiler.weights.names import blank_state, carried, paths_of

__all__ = [
    "Misshaped",
    "Report",
    "Weights",
    "blank_state",
    "carried",
    "check_order",
    "compare",
    "load",
    "mismatches",
    "paths_of",
    "read_weights",
    "save",
]

"""From a checked graph to torch: source, modules, training, export. The only place that imports torch."""

from compiler.module import build
from compiler.source import Emitted, emit, emitted

__all__ = ["Emitted", "build", "emit", "emitted"]

"""Weights of another implementation brought into the modules of a spec."""

from compiler.port.mapping import Mapping, read_mapping
from compiler.port.place import port
from compiler.port.placed import Placement, Port

__all__ = ["Mapping", "Placement", "Port", "port", "read_mapping"]

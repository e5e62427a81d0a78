"""What a person says of where weights go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archspec.diagnostic import Findings
from archspec.document import Map, is_list
from archspec.limits import DEFAULT_LIMITS
from archspec.reading import read_source
from archspec.suggest import did_you_mean
from archspec.yaml_text import read_yaml
from compiler.failure import WeightsError
from compiler.port.source import Unit
from compiler.port.target import Slot

_SECTIONS = ("modules", "leave_out", "fresh")


@dataclass(frozen=True, slots=True)
class Mapping:
    """What is known of some modules; the rest is found by order and shape."""

    modules: dict[str, str] = field(default_factory=dict[str, str])
    """modules of the source, and the rows or blocks of the spec that they belong in"""
    leave_out: tuple[str, ...] = ()
    """modules of the source that the spec has no place for"""
    fresh: tuple[str, ...] = ()
    """rows or blocks of the spec that the source has nothing for"""

    def speaks_of(self, unit: Unit) -> bool:
        """Whether it says where a module goes."""
        return is_within(unit.path, self.modules)

    def allows(self, unit: Unit, slot: Slot) -> bool:
        """Whether it lets a module go to a place; what stands deeper says it more exactly."""
        said = [name for name in self.modules if is_within(unit.path, [name])]
        return not said or is_within(slot.name, [self.modules[max(said, key=len)]])

    def extended(self, leave_out: Sequence[str], fresh: Sequence[str]) -> Mapping:
        """With more that is left out or stays fresh."""
        return Mapping(self.modules, (*self.leave_out, *leave_out), (*self.fresh, *fresh))


def is_within(path: str, names: Iterable[str]) -> bool:
    """Whether a module is one of those named, or inside one."""
    return any(path == name or path.startswith(f"{name}.") for name in names)


def read_mapping(path: str | Path) -> Mapping:
    """A mapping file: YAML with `modules`, `leave_out` and `fresh`, each of which may be missing."""
    findings = Findings()
    source = read_source(Path(path), str(path), findings, DEFAULT_LIMITS)
    found: Any = None if source is None else read_yaml(source, findings, DEFAULT_LIMITS)
    if findings.has_errors:
        raise WeightsError(findings)
    if not isinstance(found, Map):
        findings.add("E805", f"{path} is no mapping: it has no `modules:`", None)
        raise WeightsError(findings)
    for key, span in found.key_spans.items():
        if key not in _SECTIONS:
            help = did_you_mean(key, _SECTIONS)
            findings.add("E805", f"unknown key `{key}` in a mapping", span, help=help)
    modules = _texts_by_name(found, findings)
    leave_out, fresh = (_texts(found, name, findings) for name in _SECTIONS[1:])
    if findings.has_errors:
        raise WeightsError(findings)
    return Mapping(modules, leave_out, fresh)


def _texts_by_name(found: Map, findings: Findings) -> dict[str, str]:
    modules = found.get("modules", {})
    if not isinstance(modules, dict):
        findings.add("E805", "`modules` is a list of `source: row`, one a line", found.value_spans["modules"])
        return {}
    for name, row in modules.items():
        if not isinstance(row, str) and isinstance(modules, Map):
            findings.add(
                "E805",
                f"`{name}` goes to no row",
                modules.value_spans[name],
                help=f"give the name of a row or a block, or list `{name}` under leave_out",
            )
    return {str(name): row for name, row in modules.items()}


def _texts(found: Map, section: str, findings: Findings) -> tuple[str, ...]:
    names = found.get(section, [])
    if not is_list(names) or not all(isinstance(name, str) for name in names):
        findings.add("E805", f"`{section}` is a list of names", found.value_spans[section])
        return ()
    return tuple(names)

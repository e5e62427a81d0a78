"""Files and bytes as sources."""

from __future__ import annotations

from pathlib import Path

from archspec.diagnostic import Findings
from archspec.limits import Limits
from archspec.source import Source, Span
from archspec.suggest import nearest


def read_source(path: Path, name: str, findings: Findings, limits: Limits) -> Source | None:
    """The text of a file, which diagnostics call `name`; None with a finding where it can't be had."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.source + 1)
    except (OSError, ValueError) as error:
        findings.add("E001", f"can't read `{name}`: {_reason(error)}", None, help=_other_file(path))
        return None
    return decoded(data, name, findings, limits, directory=str(path.parent))


def decoded(data: bytes, name: str, findings: Findings, limits: Limits, directory: str | None = None) -> Source | None:
    """Bytes as a source; None with a finding where they are too many, or not UTF-8."""
    if len(data) > limits.source:
        add_too_large(name, findings, limits)
        return None
    try:
        return Source(name, data.decode("utf-8-sig"), directory)
    except UnicodeDecodeError as error:
        # `error` counts from behind the byte order mark, and `error.object` starts there.
        before = error.object[: error.start].decode()
        source = Source(name, before + error.object[error.start :].decode(errors="replace"))
        findings.add(
            "E002",
            f"byte 0x{error.object[error.start]:02x} is not UTF-8",
            character_span(source, len(before)),
            label="not UTF-8",
            help="save the file with the encoding UTF-8",
        )
        return None


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)


def _other_file(path: Path) -> str:
    try:
        if path.is_dir():
            return f"name a file in it, such as `{path.name}/spec.yaml`"
        match = nearest(path.name, (other.name for other in path.parent.iterdir()))
    except (OSError, ValueError):
        match = None
    return f"did you mean `{match}`?" if match else "check the path and its permissions"


def add_too_large(name: str, findings: Findings, limits: Limits) -> None:
    """E003: more than the limit."""
    findings.add(
        "E003",
        f"`{name}` is larger than {limits.source} bytes",
        None,
        help=f"raise the bound: --limit source={2 * limits.source}",
    )


def character_span(source: Source, index: int) -> Span:
    """The place of one character of a source."""
    lines = Source("", source.text[:index]).lines
    line, column = len(lines) - 1, len(lines[-1])
    return Span(source, line, column, line, column + 1)

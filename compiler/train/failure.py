"""What stops a run: a diagnostic, as for specs, with what to do."""

from __future__ import annotations

from archspec.diagnostic import Diagnostic, SpecError


class TrainingError(SpecError):
    """A run that can't begin, or can't go on."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__([Diagnostic(code, message, None, help=help)])

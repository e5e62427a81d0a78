"""How the compiler says that something a user gave can't be used."""

from __future__ import annotations

from archspec.diagnostic import Diagnostic, SpecError


class WeightsError(SpecError):
    """Weights that can't be read, do not fit or find no place; `diagnostics` says why."""


def failure(code: str, message: str, help: str | None = None) -> WeightsError:
    """One finding about files, which have no lines to point at; to be raised."""
    return WeightsError([Diagnostic(code, message, None, help=help)])

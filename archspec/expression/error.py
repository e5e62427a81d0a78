"""What is wrong with an expression, and where in it."""

from __future__ import annotations


class ExpressionError(Exception):
    """One finding; `start` and `stop` are columns of the text after the `=`."""

    def __init__(
        self, code: str, message: str, start: int, stop: int, *, label: str = "", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.start = start
        self.stop = stop
        self.label = label
        self.help = help

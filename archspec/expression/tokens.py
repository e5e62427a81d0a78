"""The words of an expression, and what is said of words that other languages have."""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Literal, NamedTuple

from archspec.expression.error import ExpressionError

WORDS = frozenset(("and", "or", "not", "in", "if", "else"))
SHOWN = 40
"""Characters of a piece of source that a message repeats."""

NO_ATTRIBUTES = "values have no attributes"
INPUT_NAMES = "of the input there are `in.maps`, `in.height`, `in.width` and `in.features`"

Kind = Literal["number", "text", "name", "operator", "end"]


class Token(NamedTuple):
    """One word with its columns; `text` is as written."""

    kind: Kind
    text: str
    start: int
    stop: int

    def is_operator(self, *symbols: str) -> bool:
        return self.kind == "operator" and self.text in symbols

    @property
    def shown(self) -> str:
        """The word in backquotes, cut where it is long."""
        return f"`{self.text}`" if len(self.text) <= SHOWN else f"`{self.text[:SHOWN]}…`"


_QUOTES = "texts stand in straight quotes: `'relu'`"
_MINUS = "write `-`"
_LIST = "a list has square brackets: `[1, 2]`"
_FOREIGN = {
    "===": "write `==`",
    "!==": "write `!=`",
    "&&": "write `and`",
    "||": "write `or`",
    "=>": "write `>=`",
    "=<": "write `<=`",
    "<>": "write `!=`",
    ":=": "give the value a name under `params`",
    "=": "write `==` to compare",
    "!": "write `not`",
    "&": "write `and`",
    "|": "write `or`",
    "?": "write `a if condition else b`",
    "^": "write `**` for powers",
    "{": _LIST,
    "}": _LIST,
    "$": "names stand alone: `=4*width`",
    "#": "put the comment after the row",
    ";": "one expression is all there is",
    "×": "write `*`",
    "·": "write `*`",
    "÷": "write `/`",
    "−": _MINUS,
    "–": _MINUS,
    "—": _MINUS,
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "“": _QUOTES,
    "”": _QUOTES,
    "‘": _QUOTES,
    "’": _QUOTES,
    "`": _QUOTES,
}
_FOREIGN_WORDS = {
    "lambda": "write the expression itself",
    "for": "write the items out, or use `range` and `*`",
    "is": "write `==`",
    "True": "write `true`",
    "False": "write `false`",
}
_ALL_WORDS = "the words are `and`, `or`, `not`, `in`, `if`, `else`, `true` and `false`"

# A lone `=` or `!` is foreign, the first half of `==` or `!=` is not.
_FOREIGN_PATTERN = "|".join(re.escape(symbol) + ("(?!=)" if symbol in "=!" else "") for symbol in _FOREIGN)
_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
    | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<foreign>{_FOREIGN_PATTERN})
    | (?P<operator>\*\*|//|[<>=!]=|[-+*/%<>()\[\],:.])
    """,
    re.VERBOSE,
)
_GLUED = re.compile(r"[A-Za-z0-9_.]+")
_SIZE = re.compile(r"[0-9]+([xX][0-9]+)+")


def left_out(
    message: str, start: int, stop: int, *, label: str = "not in this language", help: str | None = None
) -> ExpressionError:
    """The error for something that other languages have."""
    return ExpressionError("E309", message, start, stop, label=label, help=help)


def _meaningless(word: str) -> str:
    return f"`{word}` means nothing in an expression"


def tokenize(text: str) -> list[Token]:
    """The words of `text`, an end mark last."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        start, position = match.span()
        word = match[0]
        match match.lastgroup:
            case "number":
                if glued := _GLUED.match(text, position):
                    raise _glued(word, glued[0], start, glued.end())
                tokens.append(Token("number", word, start, position))
            case "name":
                tokens.append(_named(word, start, position))
            case "text":
                tokens.append(Token("text", word, start, position))
            case "operator":
                tokens.append(Token("operator", word, start, position))
            case "foreign":
                raise left_out(_meaningless(word), start, position, help=_FOREIGN[word])
            case _:
                pass
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _named(word: str, start: int, stop: int) -> Token:
    if word in WORDS:
        return Token("operator", word, start, stop)
    token = Token("name", word, start, stop)
    if iskeyword(word):
        raise left_out(_meaningless(word), start, stop, help=_FOREIGN_WORDS.get(word, _ALL_WORDS))
    if word.count(".") > 1 or any(part.startswith("__") for part in word.split(".")[1:]):
        raise left_out(f"{token.shown} is not a name", start, stop, label=NO_ATTRIBUTES, help=INPUT_NAMES)
    return token


def _glued(number: str, rest: str, start: int, stop: int) -> ExpressionError:
    word = number + rest
    if "_" in word and word.replace("_", "").isdecimal():
        help = f"write `{word.replace('_', '')}`"
    elif _SIZE.fullmatch(word):
        help = f"write `[{', '.join(re.split('[xX]', word))}]`"
    elif rest in WORDS:
        help = f"write `{number} {rest}`"
    elif rest.startswith(".") or number.endswith("."):
        help = "a number has one point"
    else:
        help = f"write `{number}*{rest}`"
    token = Token("number", word, start, stop)
    return ExpressionError(
        "E301", f"{token.shown} is not a number", start, stop, label="neither number nor name", help=help
    )


def _unreadable(text: str, position: int) -> ExpressionError:
    char = text[position]
    if char in "'\"":
        return ExpressionError(
            "E301", "text is never closed", position, len(text), label=f"no second {char}", help=f"end it with {char}"
        )
    return ExpressionError(
        "E301",
        f"unexpected character {char!r}",
        position,
        position + 1,
        label="not a character of expressions",
        help="names have letters from a to z, digits and `_`",
    )

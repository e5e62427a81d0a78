"""The codes of all diagnostics, one list: a code exists once it stands here."""

from __future__ import annotations

from archspec.codes.code import Code
from archspec.codes.data import DATA_CODES
from archspec.codes.expressions import EXPRESSION_CODES
from archspec.codes.families import FAMILY_CODES
from archspec.codes.graph import GRAPH_CODES
from archspec.codes.limits import LIMIT_CODES, WARNING_CODES
from archspec.codes.operators import OPERATOR_CODES
from archspec.codes.reading import READING_CODES
from archspec.codes.spec import SPEC_CODES
from archspec.codes.tables import TABLE_CODES
from archspec.codes.training import TRAINING_CODES
from archspec.codes.weights import WEIGHT_CODES

CODES: tuple[Code, ...] = tuple(
    sorted(
        (
            *READING_CODES, *SPEC_CODES, *OPERATOR_CODES, *GRAPH_CODES, *EXPRESSION_CODES,
            *FAMILY_CODES, *TABLE_CODES, *TRAINING_CODES, *DATA_CODES, *WEIGHT_CODES, *LIMIT_CODES, *WARNING_CODES,
        ),
        key=lambda code: ("EWN".index(code.code[0]), code.code),
    )
)  # fmt: skip

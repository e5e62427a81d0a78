"""Every code has its page, and every page an example that gives exactly that code."""

from __future__ import annotations

import re

import pytest

from archspec.codes import CODES
from archspec.codes.code import Code
from archspec.loading import Options, compile_text
from archspec.source import Source
from tests.conftest import REPOSITORY

WITH_EXAMPLE = [code for code in CODES if code.example]


def test_sources_use_exactly_these_codes() -> None:
    used: set[str] = set()
    for path in (*(REPOSITORY / "archspec").rglob("*.py"), *(REPOSITORY / "compiler").rglob("*.py")):
        if "codes" not in path.parts:
            used.update(re.findall(r'"([EWN]\d{3})"', path.read_text()))
    assert used == {code.code for code in CODES}


def test_no_code_is_given_twice() -> None:
    assert len({code.code for code in CODES}) == len(CODES)


@pytest.mark.parametrize("code", WITH_EXAMPLE, ids=lambda code: code.code)
def test_example_gives_this_finding_alone(code: Code) -> None:
    found = compile_text(Source("example.yaml", code.example), Options()).diagnostics
    assert [each.code for each in found] == [code.code]


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.code)
def test_page_says_what_and_why(code: Code) -> None:
    assert code.title == code.title.strip()
    assert len(code.title) < 80
    assert code.why.endswith(".")
    assert code.example or "example" in code.why

"""The pages: every example in README.md and docs/ runs, and the generated ones are current.

One convention for all fenced blocks. The word after the language is the FILE that a block is saved as; the blocks of
a page share a directory, and a block sees the files of those above it, and what `archspec new` wrote there.

    yaml [FILE]     a whole spec (spec.yaml without a FILE); it compiles, and nothing is to be said against it
    text            right behind a yaml block: the diagnostics of that spec, exactly, or those of its variants
    text FILE       a table as people paste it, or another file that examples read; a table compiles
    console         `$ archspec …` and exactly what it prints in 80 columns; `...` stands for lines left out
    python          with `>>>`: a session, exactly; without: a module, which a test of its own runs
    sh              commands for a shell, which are not run
"""

from __future__ import annotations

import doctest
import io
import json
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec import operators
from archspec.cli.main import main
from archspec.expression.functions import FUNCTIONS
from archspec.limits import DEFAULT_LIMITS, Limits
from archspec.loading import Options, check_family
from archspec.operators import BY_TYPE, OPERATORS
from archspec.operators.operator import Operator
from archspec.report.diagnostics import as_text
from archspec.row import STRUCTURE
from archspec.sections import BlockKeys, OutputKeys, SpecKeys
from archspec.tables.headings import HEADINGS
from archspec.tables.read import TABLE_SUFFIXES
from docs.generate import PAGES
from tests import test_operators
from tests.conftest import REPOSITORY
from tests.json_keys import agree

DOCS = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
LANGUAGES = ("yaml", "text", "console", "python", "sh")
_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Fenced:
    """A fenced block of a page."""

    page: Path
    index: int
    line: int
    language: str
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def saved_as(self) -> str:
        return self.file or ("spec.yaml" if self.language == "yaml" else "")

    @property
    def diagnostics(self) -> str:
        """What is said of a spec: the text right behind it."""
        following = BLOCKS[self.page][self.index + 1 : self.index + 2]
        is_said = bool(following) and following[0].language == "text" and not following[0].file
        return following[0].text.rstrip("\n") if is_said else ""

    @property
    def is_good(self) -> bool:
        return not self.diagnostics


def blocks_of(page: Path) -> list[Fenced]:
    text = page.read_text(encoding="utf-8")
    found: list[Fenced] = []
    for index, match in enumerate(_FENCE.finditer(text)):
        language, _, file = match["info"].partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Fenced(page, index, line, language, file, match["text"]))
    return found


BLOCKS = {page: blocks_of(page) for page in DOCS}
EXAMPLES = [block for page in DOCS for block in BLOCKS[page]]


def cases(*languages: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in EXAMPLES if block.language in languages]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own, as wide a terminal as the pages have, and no colour."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def save(block: Fenced, directory: Path) -> None:
    """The files of a page up to a block, its own included."""
    for each in BLOCKS[block.page][: block.index + 1]:
        if each.saved_as:
            path = directory / each.saved_as
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.text, encoding="utf-8")
        if each.language == "console" and each is not block:
            for command, _ in sessions(each.text):
                if command.startswith("archspec new "):
                    run(command)


# --- the convention


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    blocks = BLOCKS[page]
    assert page.read_text(encoding="utf-8").count("\n```") == 2 * len(blocks), "a fence that is not closed"
    for block, before in zip(blocks, [None, *blocks], strict=False):
        assert block.language in LANGUAGES, block
        if block.language == "text" and not block.file:
            assert before is not None, block
            assert before.language == "yaml", f"{block} follows no spec"


@pytest.mark.parametrize("block", cases("yaml"))
def test_spec_compiles_or_has_the_diagnostics_shown(block: Fenced, place: Path) -> None:
    save(block, place)
    assert as_text(check_family(block.saved_as, Options()), shown=10**6) == block.diagnostics


@pytest.mark.parametrize("block", [case for case in cases("text") if case.values[0].file])
def test_file_is_a_table_that_compiles(block: Fenced, place: Path) -> None:
    save(block, place)
    if block.file.endswith(TABLE_SUFFIXES):
        assert [each for each in check_family(block.file, Options()) if each.severity != "note"] == []


def run(command: str) -> str:
    """What a command prints, to whichever stream."""
    program, *arguments = shlex.split(command)
    assert program == "archspec", f"{command} can't be run"
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out), suppress(SystemExit):
        main(arguments)
    return out.getvalue()


def sessions(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with its output."""
    found = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    assert found[0] == ""
    return list(zip(found[1::2], found[2::2], strict=True))


def agrees(printed: str, expected: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line) + "\n" for line in expected.rstrip("\n").split("\n")
    )
    printed = "".join(f"{line.rstrip()}\n" for line in printed.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("block", cases("console"))
def test_command_prints_what_the_page_shows(block: Fenced, place: Path) -> None:
    save(block, place)
    for command, expected in sessions(block.text):
        printed = run(command)
        assert agrees(printed, expected), f"$ {command}\n{printed}"


def test_left_out_lines_are_no_licence() -> None:
    assert agrees("a\nb\nc\n", "a\n...\nc\n")
    assert not agrees("a\nb\nc\n", "a\n...\nd\n")
    assert not agrees("a\nb\n", "a\n")


@pytest.mark.parametrize("block", [case for case in cases("python") if ">>>" in case.values[0].text])
def test_session_prints_what_the_page_shows(block: Fenced, place: Path) -> None:
    save(block, place)
    test = doctest.DocTestParser().get_doctest(block.text, {}, str(block), str(block.page), block.line)
    report = io.StringIO()
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.write)
    assert report.getvalue() == ""


# --- links, and what the pages have to mention


def _anchors(page: Path) -> set[str]:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        other = (page.parent / file).resolve() if file else page
        assert other.exists(), target
        assert not anchor or anchor in _anchors(other), target


def test_the_language_is_described_completely() -> None:
    text = (REPOSITORY / "docs" / "language.md").read_text(encoding="utf-8")
    keys = {
        field.alias or name for model in (SpecKeys, BlockKeys, OutputKeys) for name, field in model.model_fields.items()
    }
    words = {*keys, *STRUCTURE, *FUNCTIONS, *Limits.names(), "before", "after", "replace", "remove", "i", "in.features"}
    missing = {word for word in words if not re.search(rf"`[^`\n]*(?<![\w.]){re.escape(word)}(?![\w.])[^`\n]*`", text)}
    assert missing == set()
    for name in Limits.names():
        value = getattr(DEFAULT_LIMITS, name)
        assert re.search(rf"^\| `{name}` \| {value:,} ", text, re.MULTILINE), f"limit {name} is {value:,}"
    shown = {HEADINGS.get(word) for word in re.findall(r"`([^`]+)`", _FENCE.sub("", text).lower())}
    assert set(HEADINGS.values()) <= shown


# --- generated pages


@pytest.mark.parametrize("name", PAGES)
def test_generated_page_is_current(name: str) -> None:
    assert (REPOSITORY / "docs" / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


# --- docs/adding-an-operator.md


def test_the_new_operator_of_the_page_passes_the_checks_of_all_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [each for each in BLOCKS[REPOSITORY / "docs" / "adding-an-operator.md"] if each.language == "python"]
    names: dict[str, Any] = {"__name__": "archspec.operators.instance_norm"}
    exec(compile(block.text, str(block), "exec"), names)
    (added,) = [
        each
        for each in names.values()
        if isinstance(each, type) and issubclass(each, Operator) and each.__module__ == names["__name__"]
    ]
    added.model_rebuild(_types_namespace=names)
    monkeypatch.setattr(operators, "OPERATORS", (*OPERATORS, added))
    monkeypatch.setitem(BY_TYPE, added.type, added)
    test_operators.test_documented(added)
    for example in added.examples:
        test_operators.test_shape(added, example)
        test_operators.test_parameters(added, example)
        test_operators.test_macs(added, example)
        test_operators.test_keeps(added, example, 1)
        test_operators.test_keeps(added, example, 3)
        test_operators.test_view_and_identity(added, example)
        test_operators.test_formulas_agree(added, example)
    graph = archspec.loads("input: 3x8x8\nlayers: [{type: conv, maps: 4, kernel: 3, norm: instance}]")
    assert [node.operator.type for node in graph.nodes] == ["conv", "instance_norm"]


# --- docs/json.md

_FREE = ("outputs", "before.parameters", "after.parameters")
"""objects whose keys a spec gives"""


def test_json_of_summarize_is_as_documented() -> None:
    commands = ("lenet5", "googlenet", "resnet50 --depth 1", "lenet5/1998")
    values = [json.loads(run(f"archspec summarize {command} --format json")) for command in commands]
    agree("summarize", *values, free=_FREE)


def test_json_of_validate_is_as_documented(place: Path) -> None:
    (place / "bad.yaml").write_text(
        "input: 1x32x32\nlayers:\n  - {name: C1, type: conv, maps: 6, kernal: 5}\n"
        "  - {name: C1, type: dense, units: 10}\n"
    )
    values = [
        json.loads(run(f"archspec validate {command} --format json"))
        for command in ("bad.yaml", "nothing.yaml", "lenet5")
    ]
    agree("validate", *values)


def test_json_of_the_zoo_is_as_documented() -> None:
    for section, commands in {
        "list": ("list",),
        "compare": ("compare lenet5 alexnet", "compare lenet5 alexnet zfnet"),
        "scale": ("scale efficientnet --phi 1", "scale efficientnet --macs 1.5G"),
    }.items():
        values = [json.loads(run(f"archspec {command} --format json")) for command in commands]
        agree(section, *values, free=_FREE)


def test_json_of_memory_is_as_documented() -> None:
    for section, commands in {
        "memory, of training": ("memory lenet5", "memory resnet18 --depth 1 --recompute conv2 --dtype bf16"),
        "memory, of inference": ("memory googlenet --inference",),
        "fit": (
            "fit lenet5 --memory 10MB",
            "fit resnet18 --memory 2GiB --batch 512",
            "fit resnet18 --memory 1GB --inference",
        ),
    }.items():
        values = [json.loads(run(f"archspec {command} --format json")) for command in commands]
        agree(section, *values, free=_FREE)

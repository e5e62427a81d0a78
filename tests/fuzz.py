"""Feeds mutated specs and expressions to archspec: whatever the text, it ends in a graph or in diagnostics.

    python -m tests.fuzz --minutes 10 --seed 1

An exception, more than three seconds, or a graph that its own `resolve` does not give back is a failure: it is
printed once, with the smallest input found that still shows it. The tests run a slice of this with a fixed seed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import faulthandler
import json
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from archspec.diagnostic import Diagnostic
from archspec.expression import ExpressionError, parse
from archspec.flat import resolve
from archspec.graph import Graph
from archspec.limits import DEFAULT_LIMITS
from archspec.loading import Options, check_family, compile_text
from archspec.operators import OPERATORS
from archspec.report.diagnostics import as_github, as_json, as_text
from archspec.report.explain import explain_row
from archspec.report.summary import summarize_graph
from archspec.source import Source
from archspec.zoo import families

HERE = Path(__file__).resolve().parent
PACKAGE = str(HERE.parent / "archspec")
SECONDS = 3.0
LIMITS = DEFAULT_LIMITS.raised("rows", 3000)
"""An honest hundred thousand rows take longer than a hang may."""

CHARACTERS = "[]{},:=#&*!|>'\"%@`-+?~ \t\n\r0123456789.eExX×_—ainf()<\\/\0\x07\x85\xa0\ufeff\u2028é😀\U0001d7d9"
_WORDS = """
    name type input layers blocks params variants defaults outputs extends use changes table description from
    size parameters norm activation repeat each when branches first last share maps kernel stride padding units
    train_only loss weight in in.maps in.height in.width in.features i same valid half batch layer none null true
    false ceil groups dilation connections to scale rate remove before after replace =i =in.maps =1/0 =9**9**9
    =2**53 =[1,2,3] =round(1e300) =-1 =0.5 =not =in =max() =len([]) "=[i][i]" "=a if b else c" 0 1 -1 3 64 65536
    65537 9007199254740992 9007199254740993 99999999999999999999 1e308 1e999 .inf .nan 0x10 0o7 1_000 -0.0 1e-9 3x3
    3x224x224 1x1x1 0x0x0 99999x99999x99999 ../../etc/passwd lenet5 resnet/resnet50 resnet !!int &a *a <<: - : ? | >
"""
WORDS = [*_WORDS.split(), *(operator.type for operator in OPERATORS)]
JUNK: tuple[Any, ...] = (
    *(0, -1, 1, 2, 7, 2**31, 2**53, 2**63, 10**30, 1e308, 1e-300, -0.0, 0.5, float("inf"), float("nan")),
    *(True, False, None, "", " ", "=", "==1", "=x", "=i", "=in.maps", "=1/0", "=2**53*2", "=[1, 2]", "=in.features"),
    *([], {}, [[]], [{}], {"": None}, {"type": "conv"}, [1, 2], [1, 2, 3, 4], ["in", "in"], "in", "none"),
    *("3x3", "1x28x28", "0x0", "a" * 5000, "é" * 80, [0] * 300, {"a": [1, 2], "b": [3, 4]}, {"a": [1]}),
)
_PARTS = """
    + - * / // % ** ( ) [ ] , . : < <= == != >= > and or not if else in true false none i width in.maps in.height
    depths 0 1 2 0.5 1e9 1e308 9007199254740992 'a' "b" ceil floor round min max sum len divisible sqrt log2 abs
    range 99999999999999999999 __class__ lambda import x.y [1,2,3] [] ()
"""
EXPRESSION_PARTS = _PARTS.split()
NAMES: dict[str, Any] = {"i": 2, "width": 64, "depths": [3, 4, 6, 3], "in.maps": 8, "in.height": 5, "half": 0.5}


@dataclass(frozen=True)
class Failure:
    """Something that must not happen."""

    kind: str
    """the same for inputs that show the same fault"""
    detail: str


def corpus() -> list[str]:
    """Texts to start from: the zoo, the examples of the docs, the bad specs of the tests, and every operator."""
    texts = [path.read_text(encoding="utf-8") for path in families().values()]
    for page in sorted((HERE.parent / "docs").glob("*.md")):
        texts += re.findall(r"```ya?ml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for path in sorted((HERE / "errors").rglob("*")):
        if path.suffix in (".yaml", ".yml", ".json", ".md", ".csv") and path.stat().st_size < 20_000:
            texts.append(path.read_bytes().decode("utf-8", errors="replace"))
    texts.append((HERE / "constructs.yaml").read_text(encoding="utf-8"))
    for operator in OPERATORS:
        for example in operator.examples:
            shapes = ["x".join(map(str, shape)) for shape in example.inputs]
            others = [{"name": f"other{index}", "type": "identity", "from": "in"} for index in range(len(shapes) - 1)]
            row: dict[str, Any] = {"name": "row", "type": operator.type, **example.attributes}
            if others:
                row["from"] = ["in", *(other["name"] for other in others)]
            texts.append(yaml.safe_dump({"input": shapes[0], "layers": [*others, row]}, sort_keys=False))
    return texts


class Mutator:
    """Makes new texts out of the corpus."""

    def __init__(self, rng: random.Random, texts: list[str]) -> None:
        self.rng = rng
        self.texts = texts
        self.trees = [tree for text in texts if isinstance(tree := _tree(text), dict)]

    def text(self) -> str:
        """A new text, one to four mutations away from one of the corpus."""
        text = self.rng.choice(self.texts)
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            mutate = self.rng.choice((self.characters, self.words, self.lines, self.splice, self.tree, self.tree))
            text = mutate(text)
        return text

    def characters(self, text: str) -> str:
        letters = list(text)
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            at = self.rng.randrange(len(letters) + 1)
            new = self.rng.choice(CHARACTERS) * self.rng.choice((0, 1, 1, 70))
            letters[at : at + self.rng.choice((0, 1, 1, 3))] = new
        return "".join(letters)

    def words(self, text: str) -> str:
        words = re.findall(r"\w+|\s+|.", text) or [""]
        for _ in range(self.rng.choice((1, 1, 3))):
            new = self.rng.choice((self.rng.choice(WORDS), self.rng.choice(words), ""))
            words[self.rng.randrange(len(words))] = new
        return "".join(words)

    def lines(self, text: str) -> str:
        lines = text.split("\n")
        at, other = self.rng.randrange(len(lines)), self.rng.randrange(len(lines))
        match self.rng.randrange(5):
            case 0:
                del lines[at : at + self.rng.choice((1, 3))]
            case 1:
                lines[at], lines[other] = lines[other], lines[at]
            case 2:
                lines.insert(at, lines[other])
            case 3:
                lines[at] = " " * self.rng.randrange(8) + lines[at].lstrip()
            case _:
                lines[at:at] = lines[other : other + 5] * self.rng.choice((1, 2, 40))
        return "\n".join(lines)

    def splice(self, text: str) -> str:
        other = self.rng.choice(self.texts)
        return text[: self.rng.randrange(len(text) + 1)] + other[self.rng.randrange(len(other) + 1) :]

    def tree(self, text: str) -> str:
        """A change to the values rather than to the text."""
        root = _tree(text)
        if not isinstance(root, (dict, list)):
            root = self.rng.choice(self.trees)
        root = json.loads(json.dumps(root, default=str))  # a copy, and no keys but texts
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            places = list(_places(root))
            if not places:
                break
            self._change(self.rng.choice(places), places)
        flow = self.rng.choice((None, None, False, True))
        try:
            return yaml.safe_dump(root, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=200)
        except RecursionError:  # PyYAML's own: several deep values went into one another
            return text

    def _change(self, place: tuple[Any, Any], places: list[tuple[Any, Any]]) -> None:
        holder, key = place
        match self.rng.randrange(6):
            case 0 | 1:
                holder[key] = self._value()
            case 2:
                holder[key] = self._copy(*self.rng.choice(places))
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[self.rng.choice((self.rng.choice(WORDS), self.rng.choice(places)[1]))] = holder.pop(key)
            case 4:
                holder.insert(key, self._copy(*self.rng.choice(places)))
            case _ if isinstance(holder, dict):
                holder[self.rng.choice(WORDS)] = self._copy(*self.rng.choice(places))
            case _:
                holder[key] = self._copy(*self.rng.choice(list(_places(self.rng.choice(self.trees)))))

    def _copy(self, holder: Any, key: Any) -> Any:
        return json.loads(json.dumps(holder[key], default=str))

    def _value(self) -> Any:
        junk = copy.deepcopy(self.rng.choice(JUNK))  # later mutations may go inside it
        value: Any = self.rng.choice((junk, self.rng.choice(WORDS), self.rng.randrange(9)))
        for _ in range(self.rng.choice((0, 0, 0, 0, 1, 3, 70))):
            value = [value] if self.rng.random() < 0.7 else {"a": value}
        return "=" + self.expression() if self.rng.random() < 0.2 else value

    def expression(self) -> str:
        """A text for the expression parser."""
        parts = self.rng.choices(EXPRESSION_PARTS, k=self.rng.choice((1, 3, 5, 8, 20, 80)))
        return self.rng.choice(("", " ")).join(parts)


def _tree(text: str) -> Any:
    """The values of a text, where PyYAML reads it; with aliases it might build a bomb."""
    if "&" in text or text.count("[") + text.count("{") > 500:
        return None
    try:
        return yaml.load(text, yaml.CSafeLoader)
    except Exception:  # PyYAML raises IndexError and others besides its own
        return None


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (holder, key) of a tree."""
    stack = [value]
    while stack:
        holder = stack.pop()
        for key, item in list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder)):
            yield holder, key
            if isinstance(item, (dict, list)):
                stack.append(item)


class _Slow(BaseException):
    """Raised by the alarm; no `except Exception` on the way may swallow it."""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise _Slow

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def failure_of(run: Callable[[], None]) -> Failure | None:
    """What goes wrong when `run` is called, if anything does."""
    started = time.process_time()
    try:
        with _alarm(10 * SECONDS):
            run()
    except _Slow:
        return Failure("slow", f"not done after {10 * SECONDS} s:\n{traceback.format_exc()}")
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inner = [Path(frame.filename).stem + "." + frame.name for frame in frames if frame.filename.startswith(PACKAGE)]
        place = inner[-1] if inner else str(error).partition("\n")[0][:40]
        return Failure(f"{type(error).__name__}: {place}", traceback.format_exc(limit=-8))
    taken = time.process_time() - started
    return Failure("slow", f"{taken:.1f} s of CPU time") if taken > SECONDS else None


def try_spec(text: str) -> None:
    """Compile a text in every way that a command would, and look at all that comes of it."""
    source = Source("fuzz.yaml", text)
    variant = _variant(text)
    checked = compile_text(source, Options(variant=variant, limits=LIMITS))
    _try_diagnostics(checked.diagnostics)
    if checked.graph is None:
        assert any(each.severity == "error" for each in checked.diagnostics), "neither a graph nor an error"
    else:
        assert not any(each.severity == "error" for each in checked.diagnostics), "a graph in spite of an error"
        _try_graph(checked.graph)
    if len(text) < 2500:
        _try_diagnostics(check_family(source, Options(limits=LIMITS)))


def _variant(text: str) -> str | None:
    root = _tree(text)
    variants = root.get("variants") if isinstance(root, dict) else None
    if not isinstance(variants, dict) or not variants:
        return None
    return random.Random(len(text)).choice([None, *map(str, variants)])


def _try_diagnostics(diagnostics: tuple[Diagnostic, ...]) -> None:
    as_text(diagnostics)
    as_github(diagnostics)
    json.dumps(as_json(diagnostics), allow_nan=False)


def _try_graph(graph: Graph) -> None:
    summary = summarize_graph(graph)
    json.dumps(summary.as_dict(), allow_nan=False)
    for format in ("text", "markdown", "latex", "csv"):
        summary.as_format(format, 100)
    summarize_graph(graph, depth=1)
    for row in graph.rows[:2] + graph.rows[-2:]:
        str(explain_row(graph, row))
    again = compile_text(Source("resolved.yaml", resolve(graph)), Options(limits=LIMITS))
    assert again.graph is not None, f"resolve gives a spec with mistakes:\n{as_text(again.diagnostics, shown=3)}"
    assert _comparable(again.graph) == _comparable(graph), "resolve gives another graph"


def _comparable(graph: Graph) -> tuple[Any, ...]:
    outputs = [(output.node, output.train_only, output.loss, output.weight) for output in graph.outputs]
    return (graph.input, graph.nodes, outputs)


def try_expression(text: str) -> None:
    """Parse and evaluate a text; an `ExpressionError` has to point into it."""
    found: ExpressionError | None = None
    try:
        parse(text, LIMITS).evaluate(NAMES)
    except ExpressionError as error:
        found = error
    if found is not None:
        assert 0 <= found.start <= found.stop <= len(text) + 1, f"the error is at {found.start} to {found.stop}"
        assert found.code, "an error without a code"
        assert found.message, "an error without a message"


def minimized(text: str, kind: str, run: Callable[[str], None], seconds: float = 20.0) -> str:
    """A smaller text that fails in the same way, as far as the time allows."""
    until = time.monotonic() + seconds
    for separator in ("\n", ""):
        pieces = text.split(separator) if separator else list(text)
        step = max(len(pieces) // 2, 1)
        while step and time.monotonic() < until:
            at = 0
            while at < len(pieces) and time.monotonic() < until:
                fewer = pieces[:at] + pieces[at + step :]
                found = failure_of(lambda fewer=fewer, separator=separator: run(separator.join(fewer)))
                if found is not None and found.kind == kind:
                    pieces = fewer
                else:
                    at += step
            step //= 2
        text = separator.join(pieces)
    return text


def fuzz(seed: int, keep_going: Callable[[int], bool], current: Path | None = None) -> Iterator[tuple[Failure, str]]:
    """Failures, each kind once, with a minimized input; until `keep_going`, given the inputs so far, says no."""
    mutator = Mutator(random.Random(seed), corpus())
    seen: set[str] = set()
    count = 0
    while keep_going(count):
        count += 1
        is_spec = mutator.rng.random() < 0.8
        run, text = (try_spec, mutator.text()) if is_spec else (try_expression, mutator.expression())
        if current is not None:  # what killed the process, if something does
            current.write_text(text, encoding="utf-8", errors="surrogatepass")
        failure = failure_of(lambda run=run, text=text: run(text))
        if failure is not None and failure.kind not in seen:
            seen.add(failure.kind)
            yield failure, minimized(text, failure.kind, run)


def main() -> int:
    """Fuzz for some minutes and report."""
    parser = argparse.ArgumentParser(description="Feed mutated specs to archspec.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    arguments = parser.parse_args()
    until = time.monotonic() + 60 * arguments.minutes
    inputs = 0

    def keep_going(count: int) -> bool:
        nonlocal inputs
        inputs = count
        faulthandler.dump_traceback_later(60 * SECONDS, exit=True)
        return time.monotonic() < until

    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    current = Path(tempfile.gettempdir()) / f"archspec-fuzz-{arguments.seed}.yaml"
    failures = 0
    for failure, text in fuzz(arguments.seed, keep_going, current):
        failures += 1
        print(f"=== {failure.kind}\n{text!r}\n{text}\n--- {failure.detail}", flush=True)
    faulthandler.cancel_dump_traceback_later()
    print(f"{inputs:,} inputs, seed {arguments.seed}: {failures} kinds of failure")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

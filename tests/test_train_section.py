"""The `train:` section: read with its places, changed by variants, parents, recipes and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.diagnostic import Diagnostic
from archspec.loading import Options, compile_text
from archspec.source import Source
from archspec.training import SGD, AdamW, Cosine, OneCycle, TrainKeys

LAYERS = (
    "input: 1x8x8\nlayers:\n  - {name: stem, type: conv, maps: 4, kernel: 3}\n  - {name: fc, type: dense, units: 3}\n"
)


def keys_of(train: str, **options: Any) -> TrainKeys:
    keys = archspec.loads(f"{LAYERS}train: {train}\n", **options).train
    assert keys is not None
    return keys


def only(train: str, **options: Any) -> Diagnostic:
    (found,) = compile_text(Source("a.yaml", f"{LAYERS}train: {train}\n"), Options(**options)).diagnostics
    return found


def test_defaults() -> None:
    keys = keys_of("{data: random}")
    assert (keys.epochs, keys.batch, keys.seed, keys.precision) == (10, 64, 0, "float32")


def test_a_name_is_short_for_its_type() -> None:
    keys = keys_of("{data: random, optimizer: sgd, schedule: one_cycle, freeze: stem}")
    assert keys.optimizer == SGD()
    assert keys.schedule == OneCycle()
    assert keys.freeze == ("stem",)


@pytest.mark.parametrize(
    ("train", "code", "at", "said", "help"),
    [
        ("3", "E104", "3", "wants a mapping", "data: digits"),
        ("", "E104", "", "has no value", "leave it out"),
        ("{}", "E103", "{}", "needs `data`", "add data"),
        ("{data: random, epoch: 3}", "E102", "epoch", "no key `epoch`", "`epochs`"),
        ("{data: random, epochs: 0}", "E104", "0", "above 0", None),
        ("{data: random, epochs: '3'}", "E104", "'3'", "a whole number", "without quotes"),
        ("{data: random, batch: big}", "E104", "big", "`batch`", None),
        ("{data: digts}", "E104", "digts", "one of `digits`", "`digits`"),
        ("{data: {type: folder}}", "E103", "{type: folder}", "needs `path`", "add path"),
        ("{data: folder}", "E103", "folder", "needs `path`", "add path"),
        (
            "{data: random, optimizer: {type: sgd, momentun: 0.5}}",
            "E102",
            "momentun",
            "`optimizer` of train",
            "`momentum`",
        ),
        ("{data: random, optimizer: {rate: 1}}", "E103", "{rate: 1}", "needs `type`", "sgd, adam"),
        ("{data: random, optimizer: sdg}", "E104", "sdg", "one of `sgd`", "`sgd`"),
        ("{data: random, optimizer: {type: sgd, rate: -1}}", "E104", "-1", "above 0", None),
        ("{data: random, schedule: {type: one_cycle, peak: 1}}", "E104", "1", "below 1", None),
        ("{data: random, ema: 1.0}", "E104", "1.0", "below 1", None),
        ("{data: random, freeze: 3}", "E104", "3", "a list", None),
        ("{data: random, freeze: stm}", "E901", "stm", "there is no stm", "`stem`"),
        ("{data: random, freeze: [stem, 'head*']}", "E901", "'head*'", "there is no head*", "`stem`"),
        ("{data: random, weights: {file: a, skip: head}}", "E901", "head", "`skip`", "`stem`"),
        ("{data: random, unfreeze: {epoch: 2}}", "E902", "{epoch: 2}", "nothing is frozen", "freeze"),
        ("{data: random, freeze: stem, unfreeze: {epoch: 11}}", "E902", "11", "of 10", "from 2 to 10"),
        ("{data: random, schedule: {type: cosine, warmup: 10}}", "E902", "10", "rises for 10 epochs", "shorter"),
        ("{data: random, batch: 10, accumulate: 3}", "E902", "3", "no 3 equal parts", "divides"),
        ("{data: random, loss: rbf}", "E903", "rbf", "no distances", "cross_entropy"),
        ("{data: random, precision: half}", "E104", "half", "one of `float32`, `bf16`, `fp16`", None),
    ],
)
def test_mistake_has_its_place(train: str, code: str, at: str, said: str, help: str | None) -> None:
    found = only(train)
    assert found.code == code
    assert said in found.message
    assert found.span is not None
    line = found.span.source.lines[found.span.line]
    assert line[found.span.column : found.span.end_column].startswith(at)
    assert help is None or (found.help is not None and help in found.help)


def test_all_mistakes_in_one_run() -> None:
    text = f"{LAYERS}train: {{data: nois, epochs: x, optimizer: {{type: sgd, rte: 1}}, schedule: sine}}\n"
    found = compile_text(Source("a.yaml", text), Options()).diagnostics
    assert [each.code for each in found] == ["E104", "E104", "E102", "E104"]


def test_distances_want_their_loss() -> None:
    text = LAYERS.replace("type: dense", "type: rbf") + "train: {data: random, loss: cross_entropy}\n"
    (found,) = compile_text(Source("a.yaml", text), Options()).diagnostics
    assert found.code == "E903"
    assert "smallest is best" in found.message


def test_set_changes_keys() -> None:
    settings = [
        "train.epochs=3",
        "train.optimizer.rate=0.5",
        "train.schedule={type: cosine, end: 0.1}",
        "train.ema=null",
    ]
    keys = keys_of("{data: random, optimizer: sgd, ema: 0.9}", settings=settings)
    assert (keys.epochs, keys.ema) == (3, None)
    assert keys.optimizer == SGD(rate=0.5)
    assert keys.schedule == Cosine(end=0.1)


def test_set_makes_a_section_where_there_is_none() -> None:
    graph = archspec.loads(LAYERS, settings=["train.data=random", "train.optimizer.type=adamw"])
    assert graph.train is not None
    assert graph.train.optimizer == AdamW()


def test_set_of_an_unknown_key_points_at_the_command_line() -> None:
    found = only("{data: random}", settings=["train.epoch=3"])
    assert found.code == "E102"
    assert found.span is not None
    assert found.span.source.name == "--set"


def test_variant_changes_keys() -> None:
    text = LAYERS + (
        "train: {data: random, epochs: 7, optimizer: {type: sgd, rate: 0.5, momentum: 0.5}, ema: 0.5}\n"
        "variants:\n  slow: {train: {optimizer: {rate: 0.1}, ema: null}}\n  other: {train: {optimizer: {type: sgd}}}\n"
    )
    slow = archspec.loads(text, variant="slow").train
    assert slow is not None
    assert (slow.epochs, slow.ema) == (7, None)
    assert slow.optimizer == SGD(rate=0.1, momentum=0.5)
    other = archspec.loads(text, variant="other").train
    assert other is not None
    assert other.optimizer == SGD()


def test_child_changes_keys_and_says_what_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(LAYERS + "train: {data: random, epochs: 7, batch: 8}\n")
    (tmp_path / "child.yaml").write_text("extends: parent.yaml\ntrain: {epochs: 9}\n")
    keys = archspec.load(tmp_path / "child.yaml").train
    assert keys is not None
    assert (keys.epochs, keys.batch) == (9, 8)
    (tmp_path / "same.yaml").write_text("extends: parent.yaml\ntrain: {epochs: 7}\n")
    assert [each.code for each in archspec.check(tmp_path / "same.yaml")] == ["E405"]


def test_recipes_stand_in_the_place_of_the_section() -> None:
    text = LAYERS + "train: {data: digits, epochs: 7}\nrecipes: {long: {data: random, epochs: 70}}\n"
    assert compile_text(Source("a.yaml", text), Options()).graph is not None
    chosen = compile_text(Source("a.yaml", text), Options(recipe="long")).graph
    assert chosen is not None
    assert chosen.train is not None
    assert chosen.train.epochs == 70
    (found,) = compile_text(Source("a.yaml", text), Options(recipe="lng")).diagnostics
    assert found.code == "E914"
    assert found.help == "did you mean `long`?"
    (found,) = compile_text(Source("a.yaml", text.replace("epochs: 70", "epoch: 70")), Options()).diagnostics
    assert found.code == "E102"


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("name", ["lenet5", "lenet5/1998"])
def test_resolved_spec_has_the_same_recipe(name: str, complete: bool) -> None:
    from archspec.flat import resolve

    graph = archspec.load(name)
    text = resolve(graph, complete=complete)
    assert archspec.loads(text).train == graph.train
    assert graph.train is not None


def test_every_recipe_of_the_zoo_is_sound() -> None:
    from archspec.zoo import families

    for name, path in families().items():
        if "\nrecipes:" in path.read_text(encoding="utf-8"):
            assert archspec.check(name) == ()

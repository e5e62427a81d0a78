"""Runs of training as tables: read from their folders, without torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import crc32

from archspec.diagnostic import SpecError
from archspec.document import is_mapping
from archspec.flat import resolve
from archspec.loading import load
from archspec.report.table import Column, Table
from archspec.train_section import written_training

SPEC, MODEL, WEIGHTS, METRICS = "spec.yaml", "model.py", "weights.safetensors", "metrics.csv"
CURVE, ENVIRONMENT, RESULTS, RUN = "curve.svg", "environment.json", "results.json", "run.json"
FILES = (SPEC, MODEL, WEIGHTS, METRICS, CURVE, ENVIRONMENT, RESULTS, RUN)
"""the files of a run"""


@dataclass(frozen=True)
class Run:
    """What the folder of a run says."""

    path: Path
    network: str
    began: float
    epochs: int
    """done"""
    planned: int | None
    """to be done in all; None where its spec can't be read"""
    results: Mapping[str, Any] | None
    last: Mapping[str, float]
    """the last line of the table of epochs"""
    device: str
    processes: int
    damaged: str | None
    """a file of it that can't be read"""

    @property
    def state(self) -> str:
        """Whether it reached its end."""
        if self.damaged is not None:
            return f"{self.damaged} is damaged"
        return "done" if self.results is not None else f"{self.epochs} of {self.planned or '?'} epochs"

    @property
    def machine(self) -> str:
        """What it began on."""
        return self.device if self.processes == 1 else f"{self.processes} x {self.device}"

    def figure(self, name: str) -> float | None:
        """A figure of the test, or of what stood beside training where there is none yet."""
        if self.results is not None:
            judged: dict[str, Any] = self.results.get("test") or self.results.get("validation", {})
            return judged.get(name)
        return next((value for key, value in self.last.items() if key in (f"validation_{name}", f"test_{name}")), None)

    def as_dict(self) -> dict[str, Any]:
        """The run for programs."""
        return {
            "path": str(self.path),
            "network": self.network,
            "began": datetime.fromtimestamp(self.began).isoformat(timespec="seconds"),
            "device": self.device,
            "processes": self.processes,
            "done": self.results is not None,
            "damaged": self.damaged,
            "epochs": self.epochs,
            "planned": self.planned,
            "accuracy": self.figure("accuracy"),
            "loss": self.figure("loss"),
            "seconds": self.last.get("seconds"),
        }


def read_runs(paths: Sequence[Path] | None, folder: Path) -> list[Run]:
    """Runs by their folders, or all those in a folder, the oldest first."""
    if paths is None:
        paths = sorted(each.parent for each in folder.glob(f"*/{RUN}"))
        return sorted(map(_read, paths), key=lambda run: (run.began, run.path))
    return [_read(path) for path in paths]


def _read(path: Path) -> Run:
    damaged: list[str] = []
    about, environment = _json(path / RUN, damaged), _json(path / ENVIRONMENT, damaged)
    results = _json(path / RESULTS, damaged)
    last, epochs = _last_row(path / METRICS, damaged)
    return Run(
        path,
        str(about.get("network", "?")),
        (path / RUN).stat().st_mtime,
        epochs,
        _planned(path / SPEC),
        results or None,
        last,
        str(environment.get("device", "?")),
        processes if isinstance(processes := environment.get("processes", 1), int) else 1,
        next(iter(damaged), None),
    )


def _json(path: Path, damaged: list[str]) -> dict[str, Any]:
    """The mapping of a file; empty where there is none, or a damaged one, which is noted."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if is_mapping(found):
        return dict(found)
    damaged.append(path.name)
    return {}


def _last_row(path: Path, damaged: list[str]) -> tuple[dict[str, float], int]:
    """The last line of a table of epochs, and how many there are."""
    if not path.is_file():
        return {}, 0
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        return {name: float(value) for name, value in rows[-1].items()} if rows else {}, len(rows)
    except (OSError, ValueError, TypeError, csv.Error):
        damaged.append(path.name)
        return {}, 0


def _planned(spec: Path) -> int | None:
    try:
        keys = load(spec).train
    except SpecError:
        return None
    return keys.epochs if keys is not None else None


def runs_table(runs: Sequence[Run]) -> Table:
    """A line for each run."""
    columns = [
        Column("run"), Column("network", spare=3), Column("state"), Column("device", spare=4),
        Column("seconds", right=True, spare=2), Column("accuracy", right=True), Column("loss", right=True, spare=1),
    ]  # fmt: skip
    rows = [
        [
            str(run.path), run.network, run.state, run.machine, _number(run.last.get("seconds"), "{:.1f}"),
            _number(run.figure("accuracy"), "{:.2%}"), _number(run.figure("loss"), "{:.4f}"),
        ]
        for run in runs
    ]  # fmt: skip
    return Table(columns, rows)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def differences_table(runs: Sequence[Run]) -> Table:
    """A line for each key of the recipes that is not the same in all runs; for their networks and machines too."""
    recipes = [{**_recipe(run.path / SPEC), "device": run.device, "processes": str(run.processes)} for run in runs]
    names = list(dict.fromkeys(name for recipe in recipes for name in recipe))
    rows = [[name, *(recipe.get(name, "-") for recipe in recipes)] for name in names]
    columns = [Column("differs"), *(Column(run.path.name) for run in runs)]
    return Table(columns, [row for row in rows if len(set(row[1:])) > 1])


def _recipe(spec: Path) -> dict[str, str]:
    try:
        graph = load(spec)
    except SpecError:
        return {}
    layers = resolve(graph, origins=False).partition("\ntrain:")[0]
    keys = _flat(written_training(graph.train, complete=True)) if graph.train is not None else {}
    return {"network": f"{graph.name} ({len(graph.rows)} rows, {crc32(layers.encode()):08x})", **keys}


def _flat(value: Mapping[str, Any], path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, item in value.items():
        name = f"{path}.{key}" if path else key
        found.update(_flat(item, name) if is_mapping(item) else {name: str(item)})
    return found


def figures_text(split: str, figures: Mapping[str, Any]) -> str:
    """The figures of a split: a line, and one more for each output where there are several."""
    several = figures.get("outputs", {})
    if not several:
        return f"{split}: {', '.join(_said(figures, figures['examples']))}"
    lines = [f"{split}: loss {figures['loss']:.4f}"]
    lines += [f"  {name}: {', '.join(_said(each, figures['examples']))}" for name, each in several.items()]
    return "\n".join(lines)


def _said(figures: Mapping[str, Any], examples: int) -> list[str]:
    texts: list[str] = []
    if "exact" in figures:
        texts += [f"{figures['accuracy']:.2%} of all flags right", f"all of an example {figures['exact']:.2%}"]
        texts.append(f"mean F1 {figures['mean_f1']:.4f}")
    elif "accuracy" in figures:
        wrong = round((1 - figures["accuracy"]) * examples)
        texts.append(f"accuracy {figures['accuracy']:.2%} ({wrong:,} of {examples:,} wrong)")
    if "found" in figures:
        texts += [f"mean IoU {figures['mean_iou']:.4f}", f"{figures['found']:.2%} with an IoU of 0.5 or more"]
    texts.append(f"loss {figures['loss']:.4f}")
    if "top5" in figures:
        texts.append(f"top-5 {figures['top5']:.2%}")
    if "mean_absolute_error" in figures:
        texts.append(f"mean absolute error {figures['mean_absolute_error']:.4g}")
        texts.append(f"root of the mean squared error {figures['root_mean_squared_error']:.4g}")
    if "r2" in figures:
        texts.append(f"R² {figures['r2']:.4f}")
    return texts


def classes_table(classes: Mapping[str, Mapping[str, float]]) -> Table:
    """Precision, recall, F1 and intersection over union of each class."""
    figures = ("precision", "recall", "f1", "iou")
    columns = [Column("class"), Column("examples", right=True), *(Column(name, right=True) for name in figures)]
    return Table(
        columns,
        [
            [name, f"{each['examples']:,}", *(f"{each[figure]:.4f}" for figure in figures)]
            for name, each in classes.items()
        ],
    )


def confusion_table(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Table:
    """How many examples of each class were taken for each other."""
    columns = [Column(""), *(Column(name, right=True) for name in classes)]
    rows = [[name, *(f"{count:,}" for count in row)] for name, row in zip(classes, confusion, strict=True)]
    return Table(columns, rows)

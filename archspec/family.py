"""Files into one spec: what it extends and uses, the chosen variant, and what the command line sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archspec.diagnostic import Findings, Related
from archspec.document import Map, Seq, is_list
from archspec.kinds import kind_problem
from archspec.limits import Limits
from archspec.locate import Locate, locate_other
from archspec.merge import MERGED_TWICE, ROW_SECTIONS, child_over_parent, overlay
from archspec.names import identifier_from
from archspec.reading import read_source
from archspec.sections import VARIABLE_SECTIONS, SpecKeys
from archspec.settings import SETTING, meant_by, with_setting
from archspec.shape import Shape
from archspec.source import Source, Span
from archspec.spec import Block, Spec, SpecReader
from archspec.suggest import did_you_mean
from archspec.table_rows import read_claim
from archspec.tables.read import TABLE_SUFFIXES, read_table, table_root
from archspec.validation import shown
from archspec.yaml_text import read_yaml


@dataclass
class Assembled:
    """One file with everything it extends and uses."""

    root: Map
    source: Source
    imported: dict[str, Library] = field(default_factory=dict["str", "Library"])
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    """for each parameter that is not as in the family's file, what set it"""
    variant: str | None = None
    replaced: tuple[tuple[Any, Span], ...] = ()
    """parameters' values that a variant or the command line has put others for"""
    lost: frozenset[str] = frozenset()
    """sections that are malformed"""


@dataclass(frozen=True)
class Library:
    """Where an imported block comes from: the defaults and constants of its file."""

    defaults: Map | None
    constants: Map | None


class Assembler:
    """Reads files and merges them, within the limits and without going in circles."""

    def __init__(self, locate: Locate, findings: Findings, limits: Limits) -> None:
        self.locate = locate
        self.findings = findings
        self.limits = limits
        self._reader = SpecReader(findings)
        self._read = 0
        self._open: list[Path] = []

    def file(self, path: Path, name: str) -> Assembled | None:
        """The spec of a file, with its parents."""
        source = read_source(path, name, self.findings, self.limits)
        return None if source is None else self.source(source, path.resolve())

    def source(self, source: Source, path: Path | None = None) -> Assembled | None:
        """The spec of a text, with its parents."""
        self._read += len(source.text)
        if self._read > self.limits.source:
            self.findings.add(
                "E003",
                f"the spec and what it extends and uses are larger than {self.limits.source:,} bytes together",
                None,
                help="raise the limit with `--limit source=…`",
            )
            return None
        root = self._root(source)
        if root is None:
            return None
        if path is not None:
            self._open.append(path)
        assembled = self._merged(root, source)
        if path is not None:
            self._open.pop()
        return assembled

    def _root(self, source: Source) -> Map | None:
        if Path(source.name).suffix.lower() in TABLE_SUFFIXES:
            return table_root(source, self.findings)
        before = len(self.findings)
        root = read_yaml(source, self.findings, self.limits)
        if not isinstance(root, Map):
            if len(self.findings) == before:
                self.findings.add(
                    "E101",
                    f"a spec is a mapping with `input:` and `layers:`, not {shown(root)}",
                    Span(source, 0, 0, 0, max(len(source.lines[0]), 1)),
                    label="not a spec",
                    help="put the rows under `layers:`" if is_list(root) else "start with `input:` and `layers:`",
                )
            return None
        root = self._reader.sections(root)
        return None if "extends" in self._reader.lost else _with_table(root, root, self.findings)

    def _merged(self, root: Map, source: Source) -> Assembled | None:
        assembled = Assembled(root, source)
        if root.get("extends") is not None:
            span = root.value_spans["extends"]
            parent = self._other(root["extends"], span, source, "extends")
            if parent is None:
                return None
            assembled = Assembled(
                child_over_parent(parent.root, root, self.findings), source, dict(parent.imported), dict(parent.kinds)
            )
        elif "changes" in root:
            self.findings.add(
                "E407",
                "`changes` changes the rows of a parent, and this spec extends none",
                root.key_spans["changes"],
                label="no parent",
                help="add extends: NAME, or change the rows themselves",
            )
        for index, name in enumerate([root["use"]] if isinstance(root.get("use"), str) else root.get("use") or ()):
            span = root["use"].item_spans[index] if isinstance(root["use"], Seq) else root.value_spans["use"]
            self._import(assembled, name, span, source)
        assembled.lost = frozenset(self._reader.lost)
        return assembled

    def _other(self, name: str, span: Span, source: Source, key: str) -> Assembled | None:
        """Another file that this one names: a neighbour by path, or a spec of the zoo."""
        located = locate_other(name, span, source, key, self.locate, self.findings)
        if located is None:
            return None
        path = located.path.resolve()
        if path in self._open:
            circle = " -> ".join([each.name for each in self._open[self._open.index(path) :]] + [path.name])
            self.findings.add("E403", f"{key} goes in a circle: {circle}", span, label="back to the start")
            return None
        if len(self._open) >= self.limits.depth:
            self.findings.add(
                "E403", f"more than {self.limits.depth} files extend one another", span, label="one too many"
            )
            return None
        assembled = self.file(located.path, located.shown or located.path.name)
        if assembled is None or located.variant is None:
            return assembled
        member = self.choose(assembled, located.variant, span)
        if member is not None:
            member.root.pop("variants", None)  # the parent is this one member, not the family
        return member

    def _import(self, assembled: Assembled, name: str, span: Span, source: Source) -> None:
        other = self._other(name, span, source, "use")
        if other is None:
            self._reader.lost.add("blocks")
            return
        blocks = other.root.get("blocks")
        if not isinstance(blocks, Map):
            self.findings.add("E409", f"{name} has no blocks to use", span, label="no `blocks:`")
            return
        section = assembled.root.get("blocks")
        section = section.copied() if isinstance(section, Map) else Map(span)
        defaults, constants = other.root.get("defaults"), other.root.get("params")
        for block in blocks:
            if block in section:
                if assembled.imported.get(block) is None:
                    continue  # the file's own block of this name wins
                self.findings.add(
                    "E410",
                    f"block {block} comes from two files",
                    span,
                    label="the second",
                    help=f"define {block} here, or use one of the files only",
                )
                continue
            section.put(block, blocks.key_spans[block], blocks[block], blocks.value_spans[block])
            assembled.imported[block] = other.imported.get(block) or Library(
                defaults if isinstance(defaults, Map) else None, constants if isinstance(constants, Map) else None
            )
        root = assembled.root.copied()
        root.put("blocks", span, section, span)
        assembled.root = root

    def choose(self, assembled: Assembled, variant: str, span: Span | None) -> Assembled | None:
        """The family's member of this name."""
        return self._choose(assembled, variant, span, ())

    def _choose(self, assembled: Assembled, variant: str, span: Span | None, seen: Sequence[str]) -> Assembled | None:
        variants = self._reader.variants(assembled.root)
        if variant not in variants:
            family = family_name(assembled)
            self.findings.add(
                "E401",
                f"{family} has no variant {shown(variant)}",
                span,
                label="unknown" if span else "",
                help=did_you_mean(variant, variants) or (None if variants else f"{family} has no variants at all"),
            )
            return None
        params = assembled.root.get("params")
        map = self._reader.variant(
            variant, variants[variant], params if isinstance(params, Map) else Map(variants[variant].span)
        )
        chosen = Assembled(
            assembled.root.copied(),
            assembled.source,
            assembled.imported,
            dict(assembled.kinds),
            variant,
            assembled.replaced,
            assembled.lost | self._reader.lost,
        )
        if "extends" in map:
            parent, place = map["extends"], map.value_spans["extends"]
            if parent == variant or parent in seen:
                self._variant_circle([*seen, variant][[*seen, variant].index(parent) :], variants)
                return None
            base = self._choose(assembled, str(parent), place, [*seen, variant])
            if base is None:
                return None
            chosen.root, chosen.kinds, chosen.replaced = base.root, dict(base.kinds), base.replaced
        self._apply_variant(chosen, variant, map)
        return chosen

    def _variant_circle(self, circle: list[str], variants: dict[str, Map]) -> None:
        start = circle.index(min(circle, key=list(variants).index))  # whichever was asked for: one circle, one finding
        circle = circle[start:] + circle[:start]
        said = " -> ".join([*circle, circle[0]])
        place = variants[circle[-1]].value_spans["extends"]
        self.findings.add("E403", f"variants extend one another in a circle: {said}", place, label="again")

    def _apply_variant(self, chosen: Assembled, variant: str, map: Map) -> None:
        root = chosen.root
        params = root.get("params")
        params = params.copied() if isinstance(params, Map) else Map(map.span)
        for key, value in map.items():
            place = (map.key_spans[key], value, map.value_spans[key])
            if key in params:
                if not self._has_kind(key, params[key], value, map.value_spans[key]):
                    continue
                chosen.replaced += ((params[key], params.value_spans[key]),)
                params.put(key, *place)
                chosen.kinds[key] = f"variant {variant}"
            elif key in MERGED_TWICE and isinstance(root.get(key), Map) and isinstance(value, Map):
                overlay(root, map, key, self.findings)
            elif key in VARIABLE_SECTIONS:
                if key in ROW_SECTIONS:
                    for other in ROW_SECTIONS:
                        root.pop(other, None)
                if key != "extends":
                    root.put(key, *place)
            elif "params" not in chosen.lost:
                self.findings.add(
                    "E102",
                    f"variant {variant} can't set `{key}`"
                    if key in SpecKeys.model_fields
                    else f"variant {variant} sets `{key}`, which is neither a parameter nor a section",
                    map.key_spans[key],
                    label="unknown",
                    help=did_you_mean(key, {*params, *VARIABLE_SECTIONS})
                    or "a variant sets parameters, and " + ", ".join(sorted(VARIABLE_SECTIONS)),
                )
        if params:
            root.put("params", root.key_spans.get("params", map.span), params, params.span)
        if "table" in map:
            with_table = _with_table(root, map, self.findings)
            chosen.root = with_table if with_table is not None else root

    def set(self, assembled: Assembled, settings: Sequence[str]) -> None:
        """Apply `--set key=value`."""
        for setting in settings:
            name, separator, text = setting.partition("=")
            source = Source("--set", setting)
            span = Span(source, 0, 0, 0, max(len(name), 1))
            params = assembled.root.get("params")
            if not separator:
                self.findings.add("E402", f"--set wants NAME=VALUE, not {shown(setting)}", span, label="no `=`")
            elif name.startswith(SETTING):
                self._set(assembled, None, name, Source("--set", text), span)
            elif not isinstance(params, Map) or name not in params:
                known = list(params) if isinstance(params, Map) else []
                self.findings.add(
                    "E402",
                    f"{family_name(assembled)} has no parameter {shown(name)}",
                    span,
                    label="unknown",
                    help=meant_by(name, text, known),
                )
            else:
                self._set(assembled, params, name, Source("--set", text), span)

    def _set(self, assembled: Assembled, params: Map | None, name: str, source: Source, span: Span) -> None:
        if not source.text.strip():
            self.findings.add(
                "E402", f"--set gives {name} no value", span, label="nothing after `=`", help=f"--set {name}=…"
            )
            return
        before = len(self.findings)
        value = read_yaml(source, self.findings, self.limits)
        if len(self.findings) > before:
            return
        place = Span(source, 0, 0, 0, max(len(source.lines[0]), 1))
        if params is None:
            assembled.root = with_setting(assembled.root, name, span, value, place)
            return
        if not self._has_kind(name, params[name], value, place):
            return
        changed = params.copied()
        changed.put(name, span, value, place)
        root = assembled.root.copied()
        root.put("params", root.key_spans["params"], changed, changed.span)
        assembled.root = root
        assembled.replaced += ((params[name], params.value_spans[name]),)
        assembled.kinds[name] = "--set"

    def _has_kind(self, name: str, default: Any, value: Any, span: Span) -> bool:
        problem = kind_problem(name, "the spec", default, value)
        if problem is not None:
            self.findings.add("E104", problem, span, label="not this")
        return problem is None

    def spec(self, assembled: Assembled) -> Spec:
        """The sections read into rows, blocks and outputs."""
        root, reader, incomplete = assembled.root, self._reader, self.findings.has_errors
        blocks: dict[str, Block] = {}
        written = root["blocks"] if isinstance(root.get("blocks"), Map) else Map(root.span)
        for name, map in written.items():
            block = reader.block(name, map, written.key_spans[name])
            blocks[name] = _in_library(block, assembled.imported.get(name))
        family = family_name(assembled)
        reader.recipes(root)
        return Spec(
            root=root,
            name=str(root.get("name") or family) + (f" ({assembled.variant})" if assembled.variant else ""),
            description=root.get("description"),
            params=reader.params(root.get("params"), root.span),
            param_kinds=assembled.kinds,
            defaults=root["defaults"] if isinstance(root.get("defaults"), Map) else Map(root.span),
            blocks=blocks,
            rows=reader.rows(root.get("layers")),
            outputs=reader.outputs(root.get("outputs"), root.value_spans.get("outputs", root.span)),
            train=reader.train(root),
            variant=assembled.variant,
            replaced=assembled.replaced,
            lost=assembled.lost,
            incomplete=incomplete,
        )


def family_name(assembled: Assembled) -> str:
    """The family's name: that of its file."""
    return identifier_from(Path(assembled.source.name).stem)


def _in_library(block: Block, library: Library | None) -> Block:
    if library is None:
        return block
    defaults = (library.defaults,) if library.defaults is not None else ()
    return Block(
        block.name, block.span, block.params, (*defaults, *block.defaults), block.rows, library.constants, imported=True
    )


def _with_table(root: Map, written: Map, findings: Findings) -> Map | None:
    """The mapping with the rows of its `table:` as `layers:`; the table stands in `written`, a part of it or all."""
    if "table" not in root:
        return root
    if "layers" in root:
        findings.add(
            "E112", "a spec has `layers` or a `table`, not both", root.key_spans["table"], label="the second",
            related=(Related(root.key_spans["layers"], "the first"),),
        )  # fmt: skip
        return None
    merged = root.copied()
    table = read_table(str(root["table"]), root.value_spans["table"], findings, root.get("input"))
    if table is None:
        return None
    merged.pop("table", None)
    merged.put("layers", root.key_spans["table"], table.rows, root.value_spans["table"])
    if table.input is not None:
        stated = read_claim(written.get("input"))
        if stated is not None and stated != read_claim(table.input):
            findings.add(
                "E112", f"the table's input is {table.input}, and the spec's {Shape(stated)}", table.input_span,
                label="does not agree", help="leave one of the two out",
                related=(Related(written.value_spans["input"], "the spec's"),),
            )  # fmt: skip
        merged.put("input", table.input_span, table.input, table.input_span)
    return merged

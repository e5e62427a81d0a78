"""The page: small and whole, and in a browser it opens, closes, searches and tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.draw.render import Look, render
from tests.browser import CHROMIUM, Browser, browsing
from tests.test_draw import HARD, graph_of

browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
_TOOLS = """
const wait = () => new Promise(done => setTimeout(done, 30));
const card = name => document.querySelector(`[data-name="${name}"]`);
const names = () => [...document.querySelectorAll('[data-name]')].map(each => each.dataset.name);
const at = element => { const box = element.getBoundingClientRect(); return [box.x + 20, box.y + 6]; };
const point = (kind, element, where) => element.dispatchEvent(new PointerEvent(kind,
  {bubbles: true, clientX: where[0], clientY: where[1], buttons: kind === 'pointermove' ? 0 : 1}));
const click = element => {
  const where = at(element);
  point('pointerdown', element, where); point('pointerup', element, where);
  element.dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: where[0], clientY: where[1]})); };
const press = (element, key) => element.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, key}));
const boxes = () => [...document.querySelectorAll('.node > .card')].map(each => {
  const box = each.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; });
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run_in_browser(chromium: Browser, tmp_path: Path) -> Run:
    """What a check writes into `out` when it runs in a page; the page must have nothing to complain of."""

    def run(page: str, check: str, hash: str = "") -> dict[str, Any]:
        path = tmp_path / "page.html"
        path.write_text(page)
        chromium.complaints.clear()
        chromium.open("about:blank")
        chromium.open(f"file://{path}{hash}")
        out = chromium.value(f"(async () => {{ const out = {{}}; {_TOOLS} {check}; return out; }})()")
        assert chromium.complaints == []
        return out

    return run


def page_of(name: str, look: Look | None = None) -> str:
    return render(graph_of(name), "html", look).decode()


def test_a_page_is_small_and_whole() -> None:
    page = page_of("googlenet")
    assert len(page.encode()) <= 100_000
    assert not re.findall(r'(?:src|href)="|https?://(?!www\.w3\.org)|@import|url\(', page)
    assert page_of("tangled").count("<script") == 2
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    names: list[str] = []

    def learn(fragment: dict[str, Any]) -> None:
        for node in fragment["n"]:
            if "f" in node:
                learn(node["f"])
            else:
                names.append(node["i"])

    learn(data["root"])
    assert names == ["in", *(row.name for row in graph_of("googlenet").rows)]


def test_a_page_says_nothing_twice() -> None:
    def titles(name: str) -> list[str]:
        return re.findall(r'"t":"([^"]*)"', page_of(name))

    assert {"transition", "dense layer \\u00d76"} <= set(titles("densenet/densenet121"))
    assert "i3a inception" in titles("googlenet")
    keys = re.findall(r'"i":"([^"]*)"', page_of("inception_v4"))
    assert len(keys) == len(set(keys))


def test_a_title_can_t_break_out_of_the_page() -> None:
    page = page_of("lenet5", Look(title="</title><script>alert(1)</script>@@DATA@@"))
    assert "<script>alert" not in page
    assert page.count('"root":') == 1
    nasty = archspec.loads('name: "x</script><b>"\ninput: 4\nlayers: [{type: dense, units: 2}]\n')
    assert "<b>" not in render(nasty, "html").decode()


@browser
def test_blocks_open_by_mouse_and_by_keyboard(run_in_browser: Run) -> None:
    check = """
      out.closed = names();
      click(card('i3a')); await wait();
      out.opened = names();
      out.expanded = card('i3a').getAttribute('aria-expanded');
      out.hash = location.hash;
      click(card('i3a').querySelector('.bar')); await wait();
      out.again = names();
      card('i4b').focus(); press(card('i4b'), 'Enter'); await wait();
      out.key = names();
      out.focused = document.activeElement.dataset.name;
      press(document.activeElement, ' '); await wait();
      out.space = names();
    """
    out = run_in_browser(page_of("googlenet"), check)
    assert "i3a" in out["closed"]
    assert "i3a.concat1.b3.conv2" not in out["closed"]
    assert "i3a.concat1.b3.conv2" in out["opened"]
    assert out["expanded"] == "true"
    assert out["hash"] == "#i3a"
    assert out["again"] == out["closed"] == out["space"]
    assert "i4b.concat1.b5.conv1" in out["key"]
    assert out["focused"] == "i4b"


@browser
def test_a_tooltip_has_the_numbers_of_summarize(run_in_browser: Run) -> None:
    line = next(line for line in archspec.summarize(graph_of("resnet/resnet50")).lines if line.name == "conv1")
    check = """
      point('pointermove', card('conv1'), at(card('conv1'))); await wait();
      out.hover = [tip.hidden, tip.textContent];
      point('pointermove', document.body, [2, 2]); await wait();
      out.away = tip.hidden;
      card('fc').focus(); await wait();
      out.focus = [tip.hidden, tip.textContent];
      press(card('fc'), 'Escape'); out.escaped = tip.hidden;
    """
    out = run_in_browser(page_of("resnet/resnet50"), check)
    hidden, said = out["hover"]
    assert not hidden
    for text in ("64 @ 112×112", "3.21 MB", f"{line.trainable:,} parameters", f"{line.macs:,} MACs"):
        assert text in said
    assert out["away"]
    assert not out["focus"][0]
    assert "2,049,000 parameters" in out["focus"][1]
    assert out["escaped"]


@browser
def test_search_zoom_pan_and_fit(run_in_browser: Run) -> None:
    check = """
      const before = world.getAttribute('transform');
      document.getElementById('search').value = 'conv4.3.CONV2';
      document.getElementById('search').dispatchEvent(new Event('input')); await wait();
      out.found = [...document.querySelectorAll('.found')].map(each => each.dataset.name);
      const box = card('conv4.3.conv2').getBoundingClientRect();
      out.visible = box.x > 0 && box.right < innerWidth && box.y > 0 && box.bottom < innerHeight;
      out.said = said.textContent;
      document.getElementById('fit').click(); await wait();
      const fitted = world.getAttribute('transform');
      press(document.body, '+'); out.zoomed = world.getAttribute('transform') !== fitted;
      press(document.body, '0'); out.back = world.getAttribute('transform') === fitted;
      press(document.body, 'ArrowLeft'); out.moved = world.getAttribute('transform') !== fitted;
      canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -200, clientX: 300, clientY: 300, cancelable: true}));
      out.wheel = view.scale;
      const x = view.x;
      point('pointerdown', canvas, [300, 300]);
      canvas.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: 350, clientY: 300, buttons: 1}));
      point('pointerup', canvas, [350, 300]);
      out.dragged = view.x - x;
      document.getElementById('close').click(); await wait(); out.closed = names().length;
      document.getElementById('open').click(); await wait(); out.all = names().length;
      const page = canvas.getBoundingClientRect();
      out.inside = boxes().every(([x, y, w, h]) =>
        x >= page.x && y >= page.y && x + w <= page.right && y + h <= page.bottom);
    """
    out = run_in_browser(page_of("resnet/resnet50"), check)
    assert out["found"] == ["conv4.3.conv2"]
    assert out["visible"]
    assert out["said"] == "conv4.3.conv2"
    assert out["zoomed"]
    assert out["back"]
    assert out["moved"]
    assert out["wheel"] > 0
    assert out["dragged"] == 50
    assert out["closed"] == 9  # the rows of the file, and the input
    assert out["all"] == 1 + 72 + 16 + 4  # the input, rows, instances and stages
    assert out["inside"]


@browser
def test_the_hash_says_what_is_open(run_in_browser: Run) -> None:
    out = run_in_browser(page_of("resnet/resnet50"), "out.names = names();", "#conv3.0,conv9")
    assert "conv3.0.conv2" in out["names"]
    assert "conv2.0" not in out["names"]
    expanded = page_of("resnet/resnet50", Look(expand=("conv2.1",)))
    out = run_in_browser(expanded, "out.names = names();")
    assert "conv2.1.conv1" in out["names"]


@browser
@pytest.mark.parametrize(
    "name", ["googlenet", "resnet/resnet50", "efficientnet/b0", "densenet/densenet121", "xception", *HARD]
)
def test_nothing_overlaps_however_much_is_open(name: str, run_in_browser: Run) -> None:
    check = """
      const blocks = [...nodes.values()].filter(each => each.f).map(each => each.i);
      const overlaps = () => {
        const all = boxes().sort((a, b) => a[1] - b[1]);
        const found = [];
        all.forEach((a, i) => { for (let j = i + 1; j < all.length && all[j][1] < a[1] + a[3] - 0.2; j++) {
          const b = all[j];
          if (b[0] < a[0] + a[2] - 0.2 && a[0] < b[0] + b[2] - 0.2) found.push([a, b]); } });
        return found.length;
      };
      const through = () => {
        const cards = boxes(), found = [];
        for (const path of document.querySelectorAll('.edge')) {
          const matrix = path.getScreenCTM(), length = path.getTotalLength();
          for (let at = 5; at < length - 8; at += 3) {
            const point = path.getPointAtLength(at).matrixTransform(matrix);
            const isIn = ([x, y, w, h]) =>
              point.x > x + 0.3 && point.x < x + w - 0.3 && point.y > y + 0.3 && point.y < y + h - 0.3;
            if (cards.some(isIn)) found.push(path.getAttribute('d'));
          }
        }
        return found.length;
      };
      out.states = [];
      const some = by => blocks.filter((_, index) => index % by === 0);
      const states = [[], blocks, some(2), some(3), blocks.slice(0, 3)];
      for (const open of states) {
        opened.clear(); open.forEach(reach); show(); fit();
        out.states.push([overlaps(), document.querySelectorAll('.edge').length < 150 ? through() : 0]);
      }
    """
    out = run_in_browser(page_of(name), check)
    assert out["states"] == [[0, 0]] * 5

"""The page and the pictures in a browser that a person would use: clicks, keys, and letters as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archspec.draw.render import Look, render
from archspec.draw.scene import Group, Item, Scene, Text, walk
from tests.browser import CHROMIUM, Browser, browsing
from tests.picture import problems
from tests.test_draw import HARD, LOOKS, ZOO, graph_of, picture

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
_WHERE = """
(name => {
  const card = document.querySelector(`[data-name="${name}"]`);
  if (!card) return null;
  const box = (card.querySelector('.bar') || card.querySelector('.card')).getBoundingClientRect();
  return [box.x + box.width / 3, box.y + box.height / 2];
})"""
_NAMES = "[...document.querySelectorAll('[data-name]')].map(each => each.dataset.name)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """GoogLeNet's page, opened from a file; it must have nothing to complain of."""
    path = tmp_path / "page.html"
    path.write_bytes(render(graph_of("googlenet"), "html"))
    browser.complaints.clear()
    browser.open(f"file://{path}")
    yield browser
    assert browser.complaints == []


def where(page: Browser, name: str) -> tuple[float, float]:
    x, y = page.value(f"{_WHERE}('{name}')")
    return x, y


def test_a_click_opens_a_block_and_a_click_on_its_name_closes_it(page: Browser) -> None:
    closed = page.value(_NAMES)
    page.click(*where(page, "i3a"))
    assert set(page.value(_NAMES)) - set(closed) >= {"i3a.concat1.b3.conv2", "i3a.concat1"}
    assert page.value("location.hash") == "#i3a"
    page.click(*where(page, "i3a"))
    assert page.value(_NAMES) == closed
    assert page.value("location.hash") == ""


def test_keys_reach_every_card_and_open_it(page: Browser) -> None:
    names = page.value(_NAMES)
    page.value("document.getElementById('fit').focus()")
    reached: list[str] = []
    for _ in names:
        page.press("Tab", code=9)
        reached.append(page.value("document.activeElement.dataset.name"))
        if reached[-1] == "i3b":
            page.press("Enter", "\r", 13)
            assert page.value("document.activeElement.getAttribute('aria-expanded')") == "true"
            assert page.value(f"{_NAMES}.length") > len(names)
            page.press("Enter", "\r", 13)
    assert reached == names


def test_a_card_under_the_mouse_tells_of_itself(page: Browser) -> None:
    page.mouse("mouseMoved", *where(page, "conv2"))
    page.until("!document.getElementById('tip').hidden")
    said = page.value("document.getElementById('tip').textContent")
    for words in ("conv2", "192 @ 56×56", "110,784 parameters", "346,816,512 MACs", "2.41 MB"):
        assert words in said
    page.mouse("mouseMoved", 5, 400)
    page.until("document.getElementById('tip').hidden")


def test_typing_finds_a_layer_in_a_closed_block(page: Browser) -> None:
    page.press("/", "/")
    page.write("i4c.concat1.b5.conv2")
    assert page.value("document.querySelector('.found').dataset.name") == "i4c.concat1.b5.conv2"
    x, y = where(page, "i4c.concat1.b5.conv2")
    assert 0 < x < 1000
    assert 0 < y < 800


def test_dragging_and_the_wheel_move_and_do_not_click(page: Browser) -> None:
    x, y = where(page, "i4a")
    names = page.value(_NAMES)
    page.mouse("mouseMoved", x, y)
    page.mouse("mousePressed", x, y, button="left", buttons=1, clickCount=1)
    for step in (10, 30, 60):
        page.mouse("mouseMoved", x + step, y, button="left", buttons=1)
    page.mouse("mouseReleased", x + 60, y, button="left", clickCount=1)
    assert where(page, "i4a")[0] == pytest.approx(x + 60, abs=1)
    assert page.value(_NAMES) == names
    before = page.value("view.scale")
    page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-240)
    page.until(f"view.scale > {before}")


def test_an_address_opens_what_it_names(page: Browser) -> None:
    page.value("location.hash = '#i5a,i3b'")
    page.until(f"{_NAMES}.includes('i5a.concat1') && {_NAMES}.includes('i3b.concat1')")
    page.value("location.hash = '#%'")  # no name of anything
    page.value("location.hash = ''")
    page.until(f"!{_NAMES}.includes('i5a.concat1')")


def measured(browser: Browser, folder: Path, drawn: Sequence[tuple[str, Look]]) -> list[list[list[Any]]]:
    """For each picture its texts as they are drawn: the text, where it begins and how wide it is."""
    body = "".join(render(graph_of(name), "svg", look).decode().partition("\n")[2] for name, look in drawn)
    path = folder / "pictures.html"
    style = "<style>text { font-kerning: none }</style>"
    path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{style}<body>{body}</body>")
    browser.open(f"file://{path}")
    return browser.value(
        "[...document.querySelectorAll('svg')].map(svg => [...svg.querySelectorAll('text')].map(each => "
        "[each.textContent, each.getStartPositionOfChar(0).x, each.getComputedTextLength()]))"
    )


def as_drawn(whole: Scene, texts: Iterator[list[Any]]) -> Scene:
    """The picture with its texts where the browser has them, a tenth of a point left to rounding."""

    def placed(item: Item) -> Item:
        if isinstance(item, Group):
            return replace(item, items=tuple(placed(each) for each in item.items))
        if isinstance(item, Text):
            text, x, wide = next(texts)
            assert text == item.text
            assert abs(wide - item.box.width) <= 0.1 + 2e-3 * wide, item.text
            return replace(item, x=x, anchor="start")
        return item

    return replace(whole, items=tuple(placed(item) for item in whole.items))


def check_as_drawn(browser: Browser, folder: Path, drawn: Sequence[tuple[str, Look]]) -> None:
    for (name, look), texts in zip(drawn, measured(browser, folder, drawn), strict=True):
        whole = picture(name, look)
        assert len(texts) == sum(isinstance(item, Text) for item in walk(whole.items))
        assert problems(as_drawn(whole, iter(texts))) == [], (name, look)


def test_texts_lie_in_the_browser_where_the_table_of_widths_puts_them(browser: Browser, tmp_path: Path) -> None:
    names = ["lenet5/1998", "googlenet", "mobilenet_v2", "u-net", "tangled", "heads"]
    check_as_drawn(browser, tmp_path, [(name, look) for name in names for look in LOOKS])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ZOO, *HARD])
def test_texts_of_every_network_in_the_browser(name: str, browser: Browser, tmp_path: Path) -> None:
    check_as_drawn(browser, tmp_path, [(name, look) for look in LOOKS])


def test_branches_that_are_called_as_the_row_that_joins_them_open_too(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(render(graph_of("inception_v4"), "html", Look(expand=("stem5",))))
    browser.open(f"file://{path}")
    assert {"stem5", "stem5.b1.conv1"} <= set(browser.value(_NAMES))
    assert "stem4" not in browser.value(_NAMES)
    browser.click(*where(browser, "stem4 (branches)"))
    assert {"stem4", "stem4.conv.path1.conv.0"} <= set(browser.value(_NAMES))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ZOO, *HARD])
def test_every_page_opens_and_closes_without_a_complaint(name: str, browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(render(graph_of(name), "html"))
    browser.complaints.clear()
    browser.open(f"file://{path}")
    closed = browser.value(_NAMES)
    browser.value("document.getElementById('open').click()")
    rows = [row.name for row in graph_of(name).rows]
    assert set(rows) <= set(browser.value(_NAMES))
    browser.value("document.getElementById('close').click()")
    assert browser.value(_NAMES) == closed
    assert browser.complaints == []

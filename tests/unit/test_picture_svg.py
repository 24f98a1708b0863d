"""nodefix/picture/svg.py and style.py: the file."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from pictured import ORIGIN, Boot, repaired

from nodefix.picture.boot import Told, picture
from nodefix.picture.lettering import width
from nodefix.picture.model import KINDS, UP, Panel, Picture, Row, Span
from nodefix.picture.reading import Material
from nodefix.picture.style import COLOURS, css_class, sheet
from nodefix.picture.svg import WIDTH, svg
from nodefix.words import KUBELET

NS = "{http://www.w3.org/2000/svg}"
UGLY = "<script>alert('x')</script> & \" \x00\x1b[31m ]]> \u202e"
ALL_KINDS = Picture(
    UGLY,
    UGLY * 40,
    UGLY,
    (
        Panel(
            UGLY,
            0.0,
            30.0,
            tuple(
                Row(
                    f"{UGLY}{kind}" * 9,
                    (Span(1.0, 9.0, kind, UGLY, UGLY, number % 2 == 0),),
                    UGLY * 9,
                )
                for number, kind in enumerate(KINDS)
            ),
        ),
    ),
    (f"{UGLY * 90}\n  fix: {UGLY}",),
    (UGLY,),
)


def late() -> Boot:
    """Something happens three days later."""
    boot = repaired()
    boot.held(260_000.0)
    boot.up(520_000.0)
    return boot


PICTURES = {
    "repaired": picture(repaired().material(60.0), Told("ready", (KUBELET,))),
    "thousand": picture(repaired(1000).material(10_020.0), Told("ready", (KUBELET,))),
    "late": picture(late().material(2e6), Told("ready", (KUBELET,))),
    # Of its moments some lie beside a cut.
    **{
        f"cuts-{place}": Picture("x", "x", "x", (Panel("x", 0.0, 500.0, (Row("x", spans),)),))
        for place in range(6)
        for spans in [tuple(Span(at, at + 1, UP) for at in (0.0, 9.0 + place, 300.0 + place))]
    },
    "nothing": picture(Material(ORIGIN, 0.0), Told("not started")),
    "ugly": ALL_KINDS,
}


@pytest.fixture(params=PICTURES)
def drawn(request: pytest.FixtureRequest) -> ElementTree.Element:
    """Each picture, read back."""
    return ElementTree.fromstring(svg(PICTURES[request.param]))


def number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, "0"))


def extent(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text."""
    size = number(text, "font-size")
    x, y = number(text, "x"), number(text, "y")
    wide = width(text.text or "", size, "mono" in text.get("class", ""))
    return x, y - 0.75 * size, x + wide, y + 0.2 * size


def test_everything_lies_within_the_picture(drawn: ElementTree.Element) -> None:
    high = number(drawn, "height")
    assert (number(drawn, "width"), drawn.get("viewBox")) == (WIDTH, f"0 0 {WIDTH:.0f} {high:.0f}")
    for rect in drawn.findall(f".//{NS}g/{NS}rect"):
        assert number(rect, "x") >= 0
        assert number(rect, "width") > 0
        assert number(rect, "x") + number(rect, "width") <= WIDTH
        assert 0 <= number(rect, "y") <= high - number(rect, "height")
    for text in drawn.iter(f"{NS}text"):
        left, top, right, bottom = extent(text)
        assert 0 <= left < right <= WIDTH, text.text
        assert 0 <= top < bottom <= high


def test_no_text_lies_on_another_one(drawn: ElementTree.Element) -> None:
    texts = [(extent(text), text.text) for text in drawn.iter(f"{NS}text")]
    for (one, said), (other, said_too) in combinations(texts, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (said, said_too)


def test_it_is_whole_by_itself(drawn: ElementTree.Element) -> None:
    allowed = {"svg", "title", "desc", "style", "defs", "pattern", "line", "rect", "polygon"}
    assert {one.tag.removeprefix(NS) for one in drawn.iter()} <= allowed | {"g", "text"}
    values = [value for one in drawn.iter() for value in one.attrib.values()]
    assert {one for one in values if "url" in one} <= {"url(#nodefix-hatch)"}
    style = drawn.find(f"{NS}style")
    assert style is not None and style.text
    assert not re.search(r"url|import|http", style.text)
    ids = drawn.get("aria-labelledby", "").split()
    assert [one.get("id") for one in drawn[:2]] == ids
    assert all(one.text is not None for one in drawn[:2])


def test_each_class_has_a_colour_on_both_grounds(drawn: ElementTree.Element) -> None:
    light, dark = sheet().split("@media (prefers-color-scheme: dark)")
    used = {name for one in drawn.iter() for name in one.get("class", "").split()}
    fixed = {"mono", "bold"}
    for name in used - fixed:
        assert f".{name} {{" in light and f".{name} {{" in dark


def test_texts_are_escaped() -> None:
    text = svg(ALL_KINDS)
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x0e-\x1f\u202e]", text)
    assert ElementTree.fromstring(text)[0].text == UGLY.replace("\x00", "\\x00").replace(
        "\x1b", "\\x1b"
    ).replace("\u202e", "\\u202e")


def test_each_kind_is_in_the_legend_and_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(KINDS)
    root = ElementTree.fromstring(svg(ALL_KINDS))
    names = [text.text for text in root.findall(f"{NS}text")]
    assert [name for name in KINDS.values() if name not in names] == []
    assert all(f".{css_class(kind)} {{" in sheet() for kind in KINDS)


def contrast(one: str, other: str) -> float:
    """As WCAG 2.1 defines it."""
    lights = []
    for colour in (one, other):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(lights) / min(lights)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_can_be_read_on_both_grounds(scheme: int) -> None:
    part = sheet().split("@media")[scheme]
    colours = dict(re.findall(r"\.([\w-]+) \{ (?:fill|stroke): (#\w{6}); \}", part))
    for text in ("text", "muted", "fix"):
        for ground in ("ground", "box"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for kind in ("held", "up", "failed"):
        assert contrast(colours["in"], colours[kind]) >= 3.9, kind


def test_what_happens_days_later_is_seen_beside_the_boot() -> None:
    root = ElementTree.fromstring(svg(PICTURES["late"]))
    cuts = [one for one in root.iter(f"{NS}rect") if one.get("class") == "cut"]
    assert len(cuts) == 2
    assert "+ 3 d" in [(text.text or "")[:5] for text in root.iter(f"{NS}text")]
    held = [number(one, "x") for one in root.iter(f"{NS}rect") if one.get("class") == "held"]
    assert all(after - before > 2 for before, after in pairwise(sorted(held[1:-1])))

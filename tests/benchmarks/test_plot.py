"""The picture of how costs grow is SVG that holds together."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plot import Line, Panel, svg

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)  # noqa: S314 - it is our own


points = st.lists(st.tuples(st.floats(1, 1e6), st.floats(1e-3, 1e6)), min_size=1, max_size=6)


@given(st.lists(points, min_size=1, max_size=4))
def test_every_point_is_drawn_inside_the_picture(lines: list[list[tuple[float, float]]]) -> None:
    panel = Panel("Title", "x", "y", [Line(f"line {n}", found) for n, found in enumerate(lines)])
    root = parsed(svg([panel]))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    drawn = [circle for circle in root.iter(f"{SVG}circle") if circle.attrib["r"] == "3.5"]
    assert len(drawn) == sum(map(len, lines))
    for circle in drawn:
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


def test_ten_times_the_cost_is_as_far_apart_everywhere() -> None:
    line = Line("a", [(1, 1), (10, 10), (100, 100)])
    root = parsed(svg([Panel("Title", "x", "y", [line])]))
    drawn = [circle for circle in root.iter(f"{SVG}circle") if circle.attrib["r"] == "3.5"]
    one, two, three = (float(circle.attrib["cy"]) for circle in drawn)
    assert one > two > three
    assert abs((one - two) - (two - three)) < 0.2


def test_names_are_escaped_and_panels_stand_side_by_side() -> None:
    panels = [Panel("a < b & c", "x", "y", [Line("<l>", [(1, 1), (2, 2)])])] * 2
    root = parsed(svg(panels))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts.count("a < b & c") == 2
    assert texts.count("<l>") == 2

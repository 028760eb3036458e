"""Curves in a page."""

from xml.etree import ElementTree

import numpy as np

from steergan.report.curves import MOST_POINTS, Chart, svg_of, thinned

POINTS = [(float(step), 1.0 + step) for step in range(4)]


def chart(title: str = "Loss") -> Chart:
    return Chart(
        title, {"one": POINTS, "two": POINTS, "none": []}, {"floor": 0.5}, bands={"one": [(0, 0, 2), (3, 3, 5)]}
    )


def test_curves_are_xml_without_scripts_styles_or_addresses() -> None:
    text = svg_of(chart("a < b & c"), "first")
    tree = ElementTree.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in tree.iter()}.isdisjoint(
        {"script", "style", "image", "metadata"}
    )
    assert "a < b & c: one from 1 at step 0 to 4 at step 3; two" in tree.attrib["aria-label"]
    assert "none" not in tree.attrib["aria-label"]
    assert "floor 0.5" in tree.attrib["aria-label"]
    ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
    assert all(one.startswith("first-") for one in ids)
    assert len(set(ids)) == len(ids)


def test_colours_are_the_pages() -> None:
    text = svg_of(chart(), "first")
    assert "var(--line-0)" in text
    assert "var(--line-1)" in text
    assert "#" not in text.replace('href="#first-', "").replace("url(#first-", "")


def test_the_same_curve_has_the_same_bytes() -> None:
    assert svg_of(chart(), "x") == svg_of(chart(), "x")


def test_of_many_points_means_of_neighbours_are_drawn() -> None:
    points = [(float(step), float(step % 2)) for step in range(4 * MOST_POINTS)]
    step, value = thinned(points)
    assert len(step) == MOST_POINTS
    np.testing.assert_allclose(value, 0.5)
    np.testing.assert_allclose(step[:2], [1.5, 5.5])


def test_numbers_that_are_read_keep_their_digits() -> None:
    text = svg_of(Chart("small", {"one": [(0.0, 0.001), (1.0, 0.01)]}, {}, factors=True), "x")
    read = {element.text for element in ElementTree.fromstring(text).iter() if element.text}
    assert "0.001" in read

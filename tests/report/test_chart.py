"""Charts: round numbers on the axes, curves where their points are, gaps, and a file that stands alone."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from houseblend.report.chart import LEFT, RIGHT, WIDTH, Chart, Line, labels, picture, round_ticks
from houseblend.report.units import clock, counted, objective, size_of

finite = st.floats(-1e9, 1e9, allow_nan=False)


@given(finite, st.floats(1e-9, 1e9))
def test_ticks_are_round_few_and_inside(low, width):
    high = low + width
    if high <= low or width < 1e-9 * abs(low):
        return
    ticks = round_ticks(low, high)
    assert 2 <= len(ticks) <= 11
    assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in ticks)


@pytest.mark.parametrize(
    ("ticks", "said"),
    [([0.0, 0.005, 0.01], ["0.000", "0.005", "0.010"]), ([-2.0, -1.0], ["\u22122", "\u22121"]), ([1, 2, 5], ["1", "2", "5"])],
)  # fmt: skip
def test_labels_have_as_many_digits_as_they_need(ticks, said):
    assert labels(ticks) == said


def path_of(chart: Chart, name: str) -> list[tuple[float, float]]:
    """The points of the curves with a class, as they are drawn."""
    body = ET.fromstring(f"<svg>{chart.body()}</svg>")
    drawn = [
        one.get("d", "") for one in body.iter("path") if name in one.get("class", "") and "h18" not in one.get("d", "")
    ]
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", "".join(drawn))]


def test_curves_stand_where_their_numbers_say():
    points = path_of(Chart("t", "x", [Line("a", [(0, 0.0), (5, 5.0), (10, 10.0)])]), "curve")
    assert [x for x, _ in points] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    heights = [y for _, y in points]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)
    assert heights[0] > heights[2]


def test_logarithmic_axes_have_equal_factors_at_equal_distances():
    points = path_of(
        Chart("t", "x", [Line("a", [(1, 0.0), (10, 1.0), (100, 2.0)])], x_ticks=(1, 10, 100), log_x=True), "curve"
    )
    xs = [x for x, _ in points]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.2)


def test_missing_numbers_leave_gaps_and_no_nan():
    chart = Chart("t", "x", [Line("a", [(0, 1.0), (1, None), (2, math.nan), (3, 2.0), (4, 3.0)], marks=True)])
    assert "nan" not in chart.body()
    assert chart.body().count("M") == len(re.findall("<path", chart.body())) + 1
    assert "nan" not in Chart("t", "x", [Line("a", [(0, None)])]).body()
    assert "nan" not in Chart("t", "x", []).body()
    assert "nan" not in Chart("t", "x", [Line("a", [(3, 2.0)], marks=True)]).body()


def test_what_does_not_fit_is_cut_off_and_does_not_flatten_the_rest():
    model, lost = (
        Line("model", [(0, -2.0), (1, -1.0)]),
        Line("lost", [(0, -2.0), (1, -900.0)], None, "faint", fits=False),
    )
    assert path_of(Chart("t", "x", [model, lost]), "solid") == path_of(
        Chart("t", "x", [model, Line("lost", [], None)]), "solid"
    )


def test_a_picture_stands_alone_and_escapes_its_words():
    charts = [Chart("a < b & c", "x", [Line("<&>", [(0, 1), (1, 2)], spans=[(0, 2), (1, 3)], notes={1: "&"})])] * 4
    text = picture(charts, columns=2)
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(root.findall("{http://www.w3.org/2000/svg}svg")) == 4
    assert "prefers-color-scheme: dark" in text
    assert "var(" not in text


def test_units():
    assert [clock(one) for one in (0.04, 42, 425, 7800)] == ["0.0 s", "42 s", "7 min 5 s", "2 h 10 min"]
    assert [counted(one) for one in (0, 512, 3600, 3.6e6)] == ["0", "512", "3.60 thousand", "3.60 million"]
    assert [size_of(one) for one in (0, 24, 2.67e9)] == ["0 B", "24 B", "2.67 GB"]
    assert objective(-1.3) == "\u22121.300"

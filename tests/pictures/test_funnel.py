"""Funnel plots: where studies lie, what trim and fill adds, and what is not said of few studies."""

from __future__ import annotations

from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.pictures.drawing import Shape
from kb.pictures.funnel import Funnel, Point, funnel
from tests.pictures.scene import discs, is_within_the_page, said, texts


def a_funnel(k: int = 3, **values: Any) -> Funnel:
    points = tuple(
        Point(label=f"Study {n}", estimate=-0.5 + 0.1 * n, se=0.1 + 0.05 * n) for n in range(k)
    )
    given: dict[str, Any] = {
        "title": "Relapse",
        "measure": "Odds ratio",
        "points": points,
        "centre": -0.4,
        "is_log": True,
    }
    return Funnel(**(given | values))


def test_more_precise_studies_stand_higher():
    drawing = funnel(a_funnel(3))
    ys = [disc.y for disc in discs(drawing)[:3]]
    assert ys == sorted(ys)


def test_ratios_are_printed_as_ratios():
    assert {"0.6", "1"} <= set(texts(funnel(a_funnel(3))))
    assert "Odds ratio (logarithmic axis)" in texts(funnel(a_funnel(3)))
    assert "around 0.67" in funnel(a_funnel(3)).description
    assert "around −0.40" in funnel(a_funnel(3, is_log=False)).description


def test_what_trim_and_fill_adds_is_hollow():
    value = a_funnel(3)
    filled = Point(label="filled 1", estimate=-1.0, se=0.2, is_filled=True)
    drawing = funnel(a_funnel(points=(*value.points, filled), adjusted=-0.6))
    plotted = discs(drawing)[:4]
    assert [disc.fill == "#ffffff" for disc in plotted] == [False, False, False, True]
    assert "added by trim and fill" in said(drawing)
    assert "Funnel plot of 3 studies" in drawing.description
    assert "Trim and fill adds 1, to 0.55." in drawing.description


@pytest.mark.parametrize(("k", "is_judged"), [(9, False), (10, True)])
def test_asymmetry_is_not_judged_below_ten_studies(k, is_judged):
    drawing = funnel(a_funnel(k, asymmetry="Egger's test: t = 1.20, df = 8, P = 0.26"))
    for told in (said(drawing), drawing.description):
        assert ("Egger" in told) is is_judged
        assert ("Asymmetry is not judged" in told) is not is_judged


def test_contours_are_explained():
    drawing = funnel(a_funnel(3, is_contoured=True))
    assert {"P ≥ 0.10", "0.05 ≤ P < 0.10", "0.01 ≤ P < 0.05", "P < 0.01"} <= set(texts(drawing))
    plain = funnel(a_funnel(3))
    shaded = [len([m for m in d.marks if isinstance(m, Shape)]) for d in (drawing, plain)]
    assert shaded[0] > shaded[1] == 0


def test_studies_outside_the_limits_are_named():
    points = (
        Point(label="far", estimate=2.0, se=0.1),
        Point(label="near", estimate=0.0, se=0.2),
    )
    said = funnel(a_funnel(points=points, centre=0.1)).description
    assert "1 outside the 95% pseudo confidence limits: far." in said


@pytest.mark.parametrize("k", [1, 2, 100])
def test_any_number_of_studies_has_a_plot_on_its_page(k):
    assert is_within_the_page(funnel(a_funnel(k, is_contoured=True)))


@pytest.mark.parametrize(
    ("points", "says"),
    [
        pytest.param((), "no study", id="none"),
        pytest.param((Point(label="A", estimate=1.0, se=0.0),), "A: .*above 0", id="se of 0"),
        pytest.param((Point(label="A", estimate=float("nan"), se=1.0),), "A: ", id="no number"),
        pytest.param(
            (Point(label="A", estimate=1.0, se=1.0, is_filled=True),), "no study", id="only filled"
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(points, says):
    with pytest.raises(InvalidInput, match=says):
        funnel(a_funnel(points=points))

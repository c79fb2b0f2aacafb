"""Evidence maps: areas tell participants, and participants nobody reported are no small number."""

from __future__ import annotations

from typing import Any

import pytest

from kb.errors import InvalidInput
from kb.pictures.evidence_map import Cell, EvidenceMap, evidence_map
from tests.pictures.scene import discs, is_within_the_page, said, texts


def a_cell(**values: Any) -> Cell:
    given: dict[str, Any] = {
        "product": "bone marrow, autologous",
        "outcome": "EDSS",
        "studies": 1,
        "participants": 10,
    }
    return Cell(**(given | values))


def a_map(*cells: Cell, **values: Any) -> EvidenceMap:
    given: dict[str, Any] = {
        "title": "Evidence",
        "products": tuple(dict.fromkeys(c.product for c in cells)),
        "outcomes": tuple(dict.fromkeys(c.outcome for c in cells)),
        "cells": cells,
        "studies": sum(c.studies for c in cells),
    }
    return EvidenceMap(**(given | values))


def test_the_area_of_a_bubble_tells_the_participants():
    drawing = evidence_map(
        a_map(a_cell(participants=400), a_cell(product="adipose", participants=100))
    )
    large, small = discs(drawing)[:2]
    assert large.radius**2 / small.radius**2 == pytest.approx(4)


def test_participants_nobody_reports_are_dashed_and_have_no_size():
    drawing = evidence_map(
        a_map(a_cell(participants=None, unreported=1), a_cell(product="adipose", participants=400))
    )
    unknown, known = discs(drawing)[:2]
    assert unknown.dash
    assert not known.dash
    assert unknown.fill == "#ffffff"
    assert "participants not reported" in texts(drawing)
    assert "(participants not reported)" in drawing.description


def test_participants_only_some_studies_report_have_a_dashed_ring():
    drawing = evidence_map(a_map(a_cell(studies=3, participants=20, unreported=1)))
    inner, ring = discs(drawing)[:2]
    assert ring.dash
    assert ring.radius > inner.radius
    assert "20 participants, not reported by 1" in drawing.description


def test_randomised_studies_are_told_by_figure_and_colour():
    cells = [a_cell(outcome=f"O{n}", studies=2, randomised=n, participants=400) for n in (0, 1, 2)]
    drawing = evidence_map(a_map(*cells))
    assert len({disc.fill for disc in discs(drawing)[:3]}) == 3
    assert {"1 R", "2 R"} <= set(texts(drawing))
    assert "0 R" not in texts(drawing)
    assert {"no study randomised", "some randomised", "all randomised"} <= set(texts(drawing))


def test_the_description_tells_the_extent_and_the_fullest_cells():
    drawing = evidence_map(
        a_map(
            a_cell(studies=4, participants=90, randomised=1), a_cell(product="adipose"), studies=4
        )
    )
    assert drawing.description == (
        "Evidence map of 4 studies: 2 products by 1 outcome; 0 of 2 combinations have no result. "
        "Most studied: bone marrow, autologous, EDSS: 4 studies, 1 randomised (90 participants); "
        "adipose, EDSS: 1 study (10 participants)."
    )


@pytest.mark.parametrize(("products", "outcomes"), [(1, 1), (12, 40)])
def test_nothing_leaves_the_page(products, outcomes):
    cells = [
        a_cell(product=f"product {p} " * 5, outcome=f"{o} a very long name of an outcome " * 3)
        for p in range(products)
        for o in range(outcomes)
    ]
    assert is_within_the_page(evidence_map(a_map(*cells)))


def test_long_names_of_outcomes_are_cut_with_an_ellipsis():
    assert "…" in said(evidence_map(a_map(a_cell(outcome="A very long name of an outcome " * 5))))


def test_an_empty_map_is_an_error():
    with pytest.raises(InvalidInput, match="no map to draw"):
        evidence_map(a_map(products=("a",), outcomes=("b",)))

"""Markup, quotation marks, punctuation, case and what comes out as text and HTML."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.citing.casing import recased
from kb.citing.text import Quotes, as_html, as_text, link_to, plain, read_marked, runs_of
from tests.citing.styles_written import an_item, printed

ENGLISH = Quotes(("“", "”"), ("‘", "’"), punctuation_inside=True)
BRITISH = Quotes(("‘", "’"), ("“", "”"), punctuation_inside=False)
TITLE = '<text variable="title"/>'


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param('Is "MSC" right?', "Is “MSC” right?", id="straight"),
        pytest.param("Is “MSC” right?", "Is “MSC” right?", id="typographic"),
        pytest.param("The patient's cells", "The patient’s cells", id="apostrophe"),
        pytest.param("Cells 'on demand' now", "Cells “on demand” now", id="single become outer"),
        pytest.param('A "left open quote', 'A "left open quote', id="without partner"),
        pytest.param("5' and 3' ends", "5’ and 3’ ends", id="primes"),
        pytest.param("p < 0.05 <b>only", "p < 0.05 <b>only", id="markup not closed"),
        pytest.param("H<sub>2</sub>O<sub>2</sub>", "H₂O₂", id="lowered digits"),
        pytest.param("CD34<sup>+</sup> cells", "CD34⁺ cells", id="raised sign"),
        pytest.param("10<sup>th</sup>", "10^(th)", id="raised letters"),
    ],
)
def test_values_are_read_with_their_markup(written: str, shown: str) -> None:
    assert as_text(runs_of(read_marked(written), ENGLISH)) == shown


def test_italics_in_italics_stand_upright() -> None:
    shown = printed(
        '<text variable="title" font-style="italic"/>', an_item(title="On <i>E. coli</i>"), "html"
    )
    assert shown == '<em>On <span style="font-style:normal;">E. coli</span></em>'


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        pytest.param("Is it so?", "Is it so? 2020.", id="question mark"),
        pytest.param("It is!", "It is! 2020.", id="exclamation mark"),
        pytest.param("It is.", "It is. 2020.", id="full stop"),
        pytest.param("It is", "It is. 2020.", id="nothing"),
        pytest.param("What is …. it", "What is …. it. 2020.", id="within the title"),
    ],
)
def test_marks_do_not_pile_up_after_a_title(title: str, shown: str) -> None:
    elements = f'<group delimiter=". " suffix=".">{TITLE}<text value="2020"/></group>'
    assert printed(elements, an_item(title=title)) == shown


@pytest.mark.parametrize(
    ("quotes", "shown"),
    [pytest.param(ENGLISH, "“It is,” 2020.", id="US"), (BRITISH, "‘It is’, 2020.")],
)
def test_a_comma_moves_into_quotes_where_the_language_has_it_so(quotes: Quotes, shown: str) -> None:
    nodes = [*read_marked('"It is"'), ", ", "2020", "."]
    assert as_text(runs_of(nodes, quotes)) == shown


@pytest.mark.parametrize(
    ("case", "written", "shown"),
    [
        ("title", "dose response of mTOR in vitro", "Dose Response of mTOR in Vitro"),
        ("title", "revista y salud: the next step", "Revista y Salud: The Next Step"),
        ("title", "follow-up of β cells and MSC", "Follow-up of β Cells and MSC"),
        ("title", "what it is up to", "What It Is up To"),
        ("sentence", "THE WHOLE IN CAPITALS", "The whole in capitals"),
        ("sentence", "the role of Parkinson in MSC", "The role of Parkinson in MSC"),
        ("capitalize-first", "mRNA first", "mRNA first"),
        ("capitalize-first", "in press", "In press"),
        ("uppercase", "straße", "STRASSE"),
        ("lowercase", 'A <span class="nocase">DNA</span> Test', "a DNA test"),
    ],
)
def test_case_changes_only_what_may_change(case: str, written: str, shown: str) -> None:
    assert plain(recased(read_marked(written), case, True)) == shown


def test_titles_in_other_languages_take_no_title_case() -> None:
    element = '<text variable="title" text-case="title"/>'
    assert printed(element, an_item(title="zur lage", language="de")) == "zur lage"


@given(st.text(max_size=60))
def test_no_value_becomes_markup_or_breaks_reading(value: str) -> None:
    shown = as_html(runs_of(read_marked(value), ENGLISH))
    tags = set(re.findall(r"<(/?[a-zA-Z]+)", shown))
    assert tags <= {t for n in ("em", "strong", "sup", "sub", "span") for t in (n, f"/{n}")}


@given(st.text(alphabet="aB .,?!;:'\"“”‘’()-", max_size=40))
def test_reading_loses_no_letter(value: str) -> None:
    shown = as_text(runs_of(read_marked(value), ENGLISH))
    assert [c for c in shown if c.isalpha()] == [c for c in value if c.isalpha()]


def test_markup_of_others_is_shown_and_not_run() -> None:
    item = an_item(title="<script>alert(1)</script> & <img src=x onerror=y>")
    shown = printed(TITLE, item, "html")
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&amp;" in shown


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//x", "http://a b"]
)
def test_only_web_addresses_are_linked(address: str) -> None:
    assert link_to(address) is None
    assert "<a " not in printed('<text variable="URL"/>', an_item(URL=address), "html")


def test_a_doi_is_linked_with_the_address_before_it() -> None:
    element = '<text variable="DOI" prefix="https://doi.org/"/>'
    shown = printed(element, an_item(DOI="https://doi.org/10.1000/ABC"), "html")
    assert shown == '<a href="https://doi.org/10.1000/ABC">https://doi.org/10.1000/ABC</a>'

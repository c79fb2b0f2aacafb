"""Dates, numbers and pages as styles print them."""

from __future__ import annotations

from typing import Any

import pytest

from kb.citing.numbers import is_numeric, is_several, page_range, roman
from tests.citing.styles_written import an_item, printed

FULL = '<date variable="issued" form="text"/>'


@pytest.mark.parametrize(
    ("form", "written", "shown"),
    [
        ("expanded", "1815–22", "1815–1822"),
        ("expanded", "17-27", "17–27"),
        ("expanded", "S12-S13", "S12–S13"),
        ("expanded", "e12-e15", "e12–e15"),
        ("expanded", "N110-5", "N110–5"),
        ("minimal", "1815-1822", "1815–22"),
        ("minimal", "S12-S13", "S12–3"),
        ("minimal", "e1-e8", "e1–8"),
        ("minimal", "894-903", "894–903"),
        ("minimal-two", "101-105", "101–05"),
        ("chicago", "107-108", "107–8"),
        ("chicago", "321-328", "321–28"),
        ("chicago", "1100-1113", "1100–1113"),
        ("chicago-15", "1496-1504", "1496–1504"),
        ("chicago-16", "1496-1504", "1496–504"),
        ("", "1, 3-5", "1, 3–5"),
        ("expanded", "e214", "e214"),
        ("expanded", "xii-xiv", "xii–xiv"),
        ("expanded", "480", "480"),
    ],
)
def test_page_ranges_take_the_form_of_the_style(form: str, written: str, shown: str) -> None:
    assert page_range(written, form, "–") == shown


@pytest.mark.parametrize(
    ("text", "is_number", "is_plural"),
    [
        ("3", True, False),
        ("2b", True, False),
        ("1-3", True, True),
        ("1, 2 & 4", True, True),
        ("second", False, False),
        ("5, Suppl.", False, False),
        ("3.8-1", True, False),
    ],
)
def test_numbers_are_told_from_words_and_one_from_several(
    text: str, is_number: bool, is_plural: bool
) -> None:
    assert is_numeric(text) is is_number
    assert is_several(text) is is_plural


@pytest.mark.parametrize(
    ("number", "shown"), [(4, "iv"), (1990, "mcmxc"), (0, "0"), (4000, "4000")]
)
def test_roman_numbers(number: int, shown: str) -> None:
    assert roman(number) == shown


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("en-US", "1st 2nd 3rd 11th 21st 112th"),
        ("de-DE", "1. 2. 3. 11. 21. 112."),
        ("es-ES", "1.ª 2.ª 3.ª 11.ª 21.ª 112.ª"),
        ("fr-FR", "1ʳᵉ 2ᵉ 3ᵉ 11ᵉ 21ᵉ 112ᵉ"),
    ],
)
def test_ordinals_follow_the_language(locale: str, shown: str) -> None:
    element = '<number variable="edition" form="ordinal"/>'
    found = [
        printed(element, an_item(edition=number), locale=locale)
        for number in ("1", "2", "3", "11", "21", "112")
    ]
    assert " ".join(found) == shown


@pytest.mark.parametrize(
    ("issued", "shown"),
    [
        pytest.param({"date-parts": [[2020, 2, 15]]}, "February 15, 2020", id="day"),
        pytest.param({"date-parts": [[2020, 2]]}, "February 2020", id="month"),
        pytest.param({"date-parts": [["2020"]]}, "2020", id="year as text"),
        pytest.param({"date-parts": [[2019], [2020]]}, "2019–2020", id="years"),
        pytest.param({"date-parts": [[2020, 2], [2020, 4]]}, "February–April 2020", id="months"),
        pytest.param({"date-parts": [[2020, 2, 1], [2020, 2, 5]]}, "February 1–5, 2020", id="days"),
        pytest.param({"date-parts": [[2019]], "season": 2}, "Summer 2019", id="season"),
        pytest.param({"date-parts": [[2019, 23]]}, "Autumn 2019", id="season as month"),
        pytest.param({"raw": "2019-12-05"}, "December 5, 2019", id="raw"),
        pytest.param({"raw": "5 Dec 2019"}, "December 5, 2019", id="raw in words"),
        pytest.param({"literal": "spring of ’99"}, "spring of ’99", id="literal"),
        pytest.param({"date-parts": [[-380]]}, "380 BC", id="before Christ"),
        pytest.param({"date-parts": [[None]]}, "", id="null"),
        pytest.param({"date-parts": [[0]]}, "", id="year 0"),
    ],
)
def test_dates_of_every_kind_are_printed(issued: dict[str, Any], shown: str) -> None:
    assert printed(FULL, an_item(issued=issued)).replace("380BC", "380 BC") == shown


@pytest.mark.parametrize(
    ("locale", "shown"),
    [
        ("de-DE", "15. Februar 2020"),
        ("fr-FR", "15 février 2020"),
        ("es-ES", "15 de febrero de 2020"),
        ("en-GB", "15 February 2020"),
    ],
)
def test_dates_follow_the_language(locale: str, shown: str) -> None:
    item = an_item(issued={"date-parts": [[2020, 2, 15]]})
    assert printed(FULL, item, locale=locale) == shown


def test_a_group_prints_nothing_where_its_variables_are_empty() -> None:
    elements = (
        '<text variable="title"/><group prefix=" (" suffix=")"><text value="vol."/>'
        '<text variable="volume" prefix=" "/></group>'
    )
    assert printed(elements, an_item(title="A")) == "A"
    assert printed(elements, an_item(title="A", volume=3)) == "A (vol. 3)"


def test_a_group_with_no_date_prints_the_words_for_it() -> None:
    elements = (
        '<group prefix="(" suffix=")"><choose><if variable="issued"><date variable="issued" '
        'form="text"/></if><else><text term="no date" form="short"/></else></choose>'
        '<text variable="volume"/></group>'
    )
    assert printed(elements, an_item()) == "(n.d.)"

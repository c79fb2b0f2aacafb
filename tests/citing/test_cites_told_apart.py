"""Several items cited in one text: numbers, years, names, order."""

from __future__ import annotations

from typing import Any

import pytest

from kb.citing.cited import cited, cited_together
from kb.citing.documents import Document
from kb.citing.items import Item
from kb.citing.styles import style
from kb.citing.text import as_text
from tests.citing.styles_written import a_style, an_item, authors, year


def a_paper(title: str, *names: str, published: int = 2020) -> Item:
    return an_item(id=title, title=title, author=authors(*names), issued=year(published))


def parentheses(name: str, *items: Item) -> list[str]:
    return [one.parenthetical.text for one in cited(style(name), items)]


def test_papers_of_one_author_and_year_are_lettered_in_the_order_of_the_bibliography() -> None:
    later, earlier = a_paper("Zeta", "Lalu, Manoj"), a_paper("Alpha", "Lalu, Manoj")
    assert parentheses("apa", later, earlier) == ["(Lalu, 2020b)", "(Lalu, 2020a)"]
    references = [one.reference.text for one in cited(style("apa"), [later, earlier])]
    assert references == ["Lalu, M. (2020b). Zeta.", "Lalu, M. (2020a). Alpha."]


def test_different_people_of_one_name_are_told_apart_by_initials() -> None:
    items = a_paper("A", "Kim, Bo Ryun"), a_paper("B", "Kim, Dae-Yul")
    assert parentheses("apa", *items) == ["(B. R. Kim, 2020)", "(D.-Y. Kim, 2020)"]


def test_names_that_et_al_hides_are_added_until_the_cites_differ() -> None:
    items = (
        a_paper("A", "Lalu, M.", "Stewart, D.", "Winston, B."),
        a_paper("B", "Lalu, M.", "Granton, J.", "Winston, B."),
    )
    assert parentheses("apa", *items) == [
        "(Lalu, Stewart, et al., 2020)",
        "(Lalu, Granton, et al., 2020)",
    ]


def test_a_reference_names_no_more_authors_because_another_is_like_it() -> None:
    many = [f"Author{n}, A." for n in range(25)]
    alone = a_paper("A", *many)
    other = a_paper("B", *many[:-1], "Other, O.")
    by_itself, among_others = (
        next(iter(cited(style("vancouver"), items))).reference.text.partition(". ")[2]
        for items in ([alone], [alone, other])
    )
    assert by_itself == among_others


def test_numbers_follow_the_order_given_and_ranges_are_drawn_together() -> None:
    items = [a_paper(title, f"{title}, A.") for title in "DCBA"]
    assert [one.reference.text[:2] for one in cited(style("nlm"), items)] == [
        "1.",
        "2.",
        "3.",
        "4.",
    ]
    assert cited_together(style("vancouver"), items).text == "(1–4)"


def test_cites_of_one_author_name_the_author_once() -> None:
    items = (
        a_paper("A", "Lalu, M.", published=2019),
        a_paper("B", "Lalu, M."),
        a_paper("C", "Abe, B."),
    )
    assert cited_together(style("apa"), items).text == "(Abe, 2020; Lalu, 2019, 2020)"


@pytest.mark.parametrize(
    ("name", "narrative"),
    [("apa", "Lalu & Stewart (2020)"), ("harvard", "Lalu and Stewart (2020)"), ("nlm", "(1)")],
)
def test_in_a_sentence_the_authors_stand_outside_the_brackets(name: str, narrative: str) -> None:
    (one,) = cited(style(name), [a_paper("A", "Lalu, M.", "Stewart, D.")])
    assert one.narrative.text == narrative


def test_a_work_without_author_is_cited_by_its_title() -> None:
    (one,) = cited(
        style("apa"),
        [an_item(title="On stem cell clinics", container_title="Cells", issued=year(2020))],
    )
    assert one.parenthetical.text == "(“On Stem Cell Clinics,” 2020)"
    assert one.narrative.text == "“On Stem Cell Clinics” (2020)"


SORTED = (
    '<sort><key variable="author"/><key variable="issued" sort="descending"/></sort>'
    '<layout suffix="."><names variable="author"><name/></names><text variable="title" '
    'prefix=", "/></layout>'
)


def titles(items: list[Item], **style_options: Any) -> list[str]:
    document = Document(a_style(SORTED, **style_options), items, is_sorted=True)
    return [item.values["title"] for item in document.items]


def test_a_sorted_bibliography_goes_by_names_then_years_and_puts_what_has_none_last() -> None:
    items = [
        an_item(title="none"),
        a_paper("old", "Ångström, A.", published=1999),
        a_paper("new", "Angstrom, A.", published=2001),
        a_paper("first", "Abe, A."),
    ]
    assert titles(items)[0] == "first"
    assert titles(items)[-1] == "none"


def test_a_demoted_particle_does_not_count_in_sorting() -> None:
    items = [a_paper("Z", "van Adel, A."), a_paper("B", "Berg, B.")]
    assert titles(items, demote_non_dropping_particle="sort-only") == ["Z", "B"]
    assert titles(items, demote_non_dropping_particle="never") == ["B", "Z"]


def test_the_same_authors_again_become_a_dash_in_a_sorted_list_only() -> None:
    made = a_style(SORTED)
    assert made.bibliography
    made.bibliography.options["subsequent-author-substitute"] = "———"
    items = [a_paper("A", "Lalu, M."), a_paper("B", "Lalu, M.")]
    in_order, as_given = (
        [as_text(runs) for runs in Document(made, items, is_sorted=is_sorted).references()]
        for is_sorted in (True, False)
    )
    assert in_order == ["M. Lalu, A.", "———, B."]
    assert as_given == ["M. Lalu, A.", "M. Lalu, B."]


def test_a_thousand_alike_cites_do_not_take_long() -> None:
    names = [f"Author{n}, A." for n in range(8)]
    items = [a_paper(f"T{n:04d}", *names) for n in range(300)]
    texts = parentheses("apa", *items)
    assert texts[0] == "(Author0 et al., 2020a)"
    assert len(set(texts)) == len(items)

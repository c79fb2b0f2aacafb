"""Styles found and refused, items read and refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.citing.cited import cited, item_from_record
from kb.citing.items import item_from_csl
from kb.citing.styles import ALIASES, packaged_style, style, style_from_csl, styles
from kb.errors import InvalidInput
from kb.models.records import AuthorClaim, NoticeClaim, NoticeKind, WorkRecord, WorkType
from tests.citing.styles_written import an_item, authors, year


@pytest.mark.parametrize("name", sorted([*ALIASES, "nature", "ieee", "apa", "stem-cells"]))
def test_styles_people_ask_for_are_there(name: str) -> None:
    item = an_item(title="A trial", author=authors("Lalu, M."), issued=year(2020))
    (one,) = cited(style(name), [item])
    assert "A trial" in one.reference.text.replace("A Trial", "A trial")


def test_a_dependent_style_prints_as_its_parent() -> None:
    item = an_item(title="A trial", author=authors("Lalu, M."), issued=year(2020))
    child, parent = (
        cited(style(name), [item])
        for name in ("stem-cell-research-and-therapy", "springer-vancouver-brackets")
    )
    assert child == parent


def test_a_style_is_parsed_once() -> None:
    assert style("apa") is style("apa")
    assert style("apa", "de-DE") is not style("apa")


def test_the_names_nlm_and_ama_give_authors_in_full_and_vancouver_initials() -> None:
    item = an_item(title="T", author=authors("Lalu, Manoj M."))
    shown = {name: cited(style(name), [item])[0].reference.text for name in ("nlm", "vancouver")}
    assert shown == {"nlm": "1. Manoj M. Lalu. T.", "vancouver": "1. Lalu MM. T."}


def test_an_unknown_style_is_answered_with_near_ones() -> None:
    with pytest.raises(InvalidInput, match=r"no such style: 'natur' .*near: nature"):
        style("natur")


def test_an_unknown_locale_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no such locale: 'xx-YY' .*de-DE.*fr-FR"):
        style("apa", "xx-YY")


def test_a_language_without_a_country_is_enough() -> None:
    assert style("apa", "de").options.locale.term("no date", "short") == "o.\u00a0J."


def test_requests_cannot_name_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csl"
    path.write_bytes(b"<style/>")
    with pytest.raises(InvalidInput, match="no such style"):
        packaged_style(str(path))


_STYLE = '<style xmlns="http://purl.org/net/xbiblio/csl" version="1.0">'


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param("no XML", "not well-formed", id="text"),
        pytest.param("<html/>", "its root is 'html'", id="other XML"),
        pytest.param(f"{_STYLE}</style>", "no citation with a layout", id="empty style"),
        pytest.param(f"{_STYLE}<citation/></style>", "no citation with a layout", id="no layout"),
        pytest.param(
            '<!DOCTYPE style [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            f"{_STYLE}<citation><layout><text value='&x;'/></layout></citation></style>",
            "external entity|document type",
            id="entities",
        ),
        pytest.param(
            f"{_STYLE}<macro name='a'><text macro='a'/></macro><citation><layout>"
            "<text macro='a'/></layout></citation></style>",
            "calls itself",
            id="macro that calls itself",
        ),
        pytest.param(
            _STYLE
            + "".join(
                f"<macro name='{n}'><text macro='{n + 1}'/><text macro='{n + 1}'/></macro>"
                for n in range(30)
            )
            + "<macro name='30'><text value='x'/></macro>"
            "<citation><layout><text macro='0'/></layout></citation></style>",
            "too often",
            id="macros that multiply",
        ),
        pytest.param(
            f"{_STYLE}<citation><layout><number variable='edition' form='odd'/></layout>"
            "</citation></style>",
            "form",
            id="unknown form",
        ),
        pytest.param(
            f"{_STYLE}<citation><layout><names variable='author'><name et-al-min='x'/></names>"
            "</layout></citation></style>",
            "et-al-min",
            id="number that is none",
        ),
    ],
)
def test_a_file_that_is_no_style_is_refused_with_its_reason(raw: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        style_from_csl(raw.encode(), name="mine.csl")


def test_a_style_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match="larger than"):
        style_from_csl(b" " * 2_000_001)


def test_styles_are_searched_by_words_of_name_and_title() -> None:
    found = {one.name for one in styles("stem cell res")}
    assert "stem-cell-research" in found
    assert not list(styles("no such words at all"))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(7, "not a CSL-JSON item", id="number"),
        pytest.param({"type": 5}, "not a type", id="type"),
        pytest.param({"title": {"a": 1}}, "title is not text", id="title"),
        pytest.param({"author": 5}, "author is no list of names", id="author"),
        pytest.param({"author": [5]}, "author holds what is no name", id="name"),
        pytest.param({"issued": [1]}, "issued is no date", id="date"),
        pytest.param({"title": "x" * 100_001}, "100,000 are the limit", id="long"),
    ],
)
def test_a_broken_item_is_refused_with_its_reason(raw: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        item_from_csl(raw)


@pytest.mark.parametrize("name", ["apa", "nlm", "ama", "nature", "harvard", "ieee"])
def test_odd_items_are_printed_by_every_style(name: str) -> None:
    items = [
        item_from_csl({}),
        an_item(title="x" * 10_000),
        an_item(title="T", author=[{"family": f"F{n}", "given": "G"} for n in range(5_000)]),
        an_item(title="مراجعة 😀", issued={"date-parts": [[0]]}, volume=3, page=7),
        item_from_csl({"type": "unheard-of", "title": "T", "issued": "2020"}),
    ]
    assert all(isinstance(one.reference.text, str) for one in cited(style(name), items))


def a_record(**given: object) -> WorkRecord:
    return WorkRecord(
        source="test",
        key="W7",
        title="A trial",
        type=WorkType.ARTICLE,
        **given,  # type: ignore[arg-type]
    )


def test_initials_that_medline_ran_together_are_set_apart() -> None:
    record = a_record(
        authors=(
            AuthorClaim(family="Pittenger", given="MF"),
            AuthorClaim(family="Jo", given="Bo"),
            AuthorClaim(family="WANG", given="LI"),
        )
    )
    (one,) = cited(style("apa"), [item_from_record(record)])
    assert one.reference.text.startswith("Pittenger, M. F., Jo, B., & WANG, L. (n.d.)")


def test_a_retracted_work_says_so() -> None:
    retraction = NoticeClaim(kind=NoticeKind.RETRACTION, is_about_self=True)
    assert item_from_record(a_record(notices=(retraction,))).is_retracted
    assert not item_from_record(a_record()).is_retracted

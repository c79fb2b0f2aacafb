"""What the sweep against pandoc 2.17.1.1 showed: each expected value is what it prints, unless a
comment says otherwise (docs/citing.md, "How near")."""

from __future__ import annotations

from typing import Any

import pytest

from kb.citing.cited import cited
from kb.citing.items import item_from_csl
from kb.citing.styles import style
from tests.citing.styles_written import an_item, authors, printed, year

ONE = {
    "type": "article-journal",
    "title": "Cells in repair",
    "author": authors("Lalu, Manoj M."),
    "issued": year(2020),
}
DOCUMENT = {**ONE, "publisher": "WHO"}
CHAPTER = {
    **ONE,
    "type": "chapter",
    "container-title": "Handbook",
    "publisher": "Springer",
    "page": "100-120",
}


def reference(name: str, fields: dict[str, Any], format: str = "text") -> str:
    (one,) = cited(style(name), [item_from_csl({"id": "one", **fields})])
    return one.reference.html if format == "html" else one.reference.text


@pytest.mark.parametrize(
    ("name", "fields", "shown"),
    [
        pytest.param(
            "nlm",
            {**CHAPTER, "editor": authors("McIntyre, L.")},
            "1. Manoj M. Lalu. Cells in repair. In, editorL. McIntyre. Handbook. Springer; 2020. "
            "p. 100–20.",
            id="no colon before the comma of a label",
        ),
        pytest.param(
            "ama",
            {**CHAPTER, "editor": authors("McIntyre, L.", "Shi, Y.")},
            "1. Manoj M. Lalu. Cells in repair. In, eds.L. McIntyre, Y. Shi. Handbook. Springer; "
            "2020:100-120.",
            id="nor in another style",
        ),
        pytest.param(
            "nlm",
            {**ONE, "type": "book", "publisher": "WHO", "editor": authors("Shi, Y.")},
            "1. Manoj M. Lalu. Cells in repair, editorY. Shi. WHO; 2020.",
            id="no full stop before it",
        ),
        pytest.param(
            "apa",
            {**DOCUMENT, "type": "report", "genre": "Technical report", "number": "5"},
            "Lalu, M. M. (2020). Cells in repair (Technical Report 5). WHO.",
            id="no word for a number",
        ),
        pytest.param(
            "apa7",
            {**DOCUMENT, "type": "report", "genre": "Technical report", "number": "5"},
            "Lalu, M. M. (2020). Cells in repair (Technical Report No. 5). WHO.",
            id="but in CSL 1.0.2",
        ),
        pytest.param(
            "apa",
            {**DOCUMENT, "type": "dataset", "version": "1.0"},
            "Lalu, M. M. (2020). Cells in repair (Version 1.0). WHO.",
            id="no word for a dataset",
        ),
        pytest.param(
            "apa7",
            {**DOCUMENT, "type": "dataset", "version": "1.0"},
            "Lalu, M. M. (2020). Cells in repair (Version 1.0) [Dataset]. WHO.",
            id="which APA wants",
        ),
        pytest.param(
            "apa",
            {**DOCUMENT, "type": "book", "translator": authors("Shi, Y.")},
            "Lalu, M. M. (2020). Cells in repair (Y. Shi, Tran.). WHO.",
            id="one translator",
        ),
        pytest.param(
            "apa",
            {**DOCUMENT, "type": "book", "translator": authors("Shi, Y.", "Ren, G.")},
            "Lalu, M. M. (2020). Cells in repair (Y. Shi & G. Ren, Trans.). WHO.",
            id="two translators",
        ),
        pytest.param(
            "apa",
            {"type": "software", "title": "Cells in repair", "issued": year(2020)},
            "Cells in repair. (2020). [Computer software].",
            id="a macro that prints keeps its group",
        ),
    ],
)
def test_the_three_measured_names_print_as_pandoc(
    name: str, fields: dict[str, Any], shown: str
) -> None:
    assert reference(name, fields) == shown


@pytest.mark.parametrize(
    ("title", "cite"),
    [
        pytest.param("Cells repair", "(“Cells Repair,” 2020)", id="no mark"),
        pytest.param("Do cells repair?", "(“Do Cells Repair?” 2020)", id="question mark"),
        pytest.param("Cells repair.", "(“Cells Repair.” 2020)", id="full stop"),
        pytest.param("Of IL-1<sub>β</sub>", "(“Of IL-1_(β),” 2020)", id="lowered letter"),
    ],
)
def test_a_title_cited_for_its_author_takes_no_comma_after_a_mark(title: str, cite: str) -> None:
    fields = {**ONE, "author": [], "title": title, "container-title": "Cell"}
    (one,) = cited(style("apa"), [item_from_csl(fields)])
    assert one.parenthetical.text == cite


@pytest.mark.parametrize(
    ("name", "pages", "shown"),
    [
        # pandoc has "1–0" and "480–0" here: pages that nobody gave.
        pytest.param("nlm", "1-10", "1–10", id="another page is never printed"),
        pytest.param("nlm", "480-480", "480–480", id="nor for one page"),
        pytest.param("nlm", "1815-22", "1815–22", id="written short"),
        pytest.param("nlm", "12A-15A", "12A–15A", id="letters behind stay"),
        pytest.param("nlm", "1,3-5", "1, 3–5", id="comma"),
        pytest.param("nlm", "S12-S19", "S12–9", id="prefix"),
        # What CSL 1.0.2 means by minimal.
        pytest.param("vancouver", "1-10", "1–10", id="CSL keeps what the start has not"),
        pytest.param("vancouver", "480-480", "480–480", id="CSL leaves one page"),
        pytest.param("vancouver", "17-27", "17–27", id="nothing shared"),
        pytest.param("vancouver", "321-328", "321–8", id="shared"),
    ],
)
def test_page_ranges_are_as_short_as_the_name_asks(name: str, pages: str, shown: str) -> None:
    printed = reference(name, {**ONE, "container-title": "Cell", "volume": "9", "page": pages})
    assert printed.endswith(f"Cell. 2020;9:{shown}.")


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        pytest.param('How "much"!', "How “much”!", id="exclamation mark of the title"),
        pytest.param('Who said "stop."?', "Who said “stop.”?", id="question mark of the title"),
        pytest.param('It is "complex"', "It is “complex.”", id="full stop of the style"),
        pytest.param("<sc>Small</sc> caps", "SMALL caps.", id="small capitals"),
        pytest.param("10⁶ CD34⁺ cells", "10⁶ CD34⁺ cells.", id="raised figures"),
        pytest.param("Two\n lines\tand a tab", "Two lines and a tab.", id="line break"),
    ],
)
def test_titles_keep_their_marks(title: str, shown: str) -> None:
    assert reference("nlm", {"title": title, "type": "article-journal"}) == f"1. {shown}"


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        pytest.param('Is "MSC" right?', "Is <span>“MSC”</span> right?", id="quotes"),
        pytest.param(
            "A “nested ‘quote’ here”",
            "A <span>“nested <span>‘quote’</span> here.”</span>",
            id="quotes in quotes",
        ),
        pytest.param("10⁻⁶ of 10⁶", "10<sup>−6</sup> of 10<sup>6</sup>.", id="raised figures"),
        pytest.param(
            '<span class="nocase">mTOR</span> cells',
            '<span class="nocase">mTOR</span> cells.',
            id="no change of case",
        ),
    ],
)
def test_markup_of_titles_in_html(title: str, shown: str) -> None:
    assert reference("nlm", {"title": title, "type": "article-journal"}, "html") == f"1. {shown}"


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        pytest.param(
            {"PMID": "32012345"}, "https://www.ncbi.nlm.nih.gov/pubmed/32012345", id="PMID"
        ),
        pytest.param(
            {"PMID": "3", "PMCID": "PMC7"}, "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC7",
            id="PMCID before PMID",
        ),
        pytest.param({"DOI": "10.1000/x", "PMID": "3"}, "https://doi.org/10.1000/x", id="DOI"),
        # pandoc leaves the #, which ends the address there.
        pytest.param(
            {"DOI": "10.1002/(SICI)1(1996)77:7<12::AID>3.0.CO;2-#"},
            "https://doi.org/10.1002/(SICI)1(1996)77:7&lt;12::AID&gt;3.0.CO;2-%23",
            id="DOI with angle brackets",
        ),
    ],
)  # fmt: skip
def test_a_title_is_linked_where_the_style_prints_no_address(
    fields: dict[str, str], link: str
) -> None:
    shown = printed('<text variable="title" suffix="."/>', an_item(title="Cells", **fields), "html")
    assert shown == f'<a href="{link}">Cells</a>.'


def test_a_title_is_not_linked_beside_a_printed_address() -> None:
    shown = printed(
        '<text variable="title"/><text variable="DOI" prefix=" "/>',
        an_item(title="Cells", DOI="10.1000/x", PMID="3"),
        "html",
    )
    assert shown == 'Cells <a href="https://doi.org/10.1000/x">10.1000/x</a>'


@pytest.mark.parametrize(
    ("family", "given", "apa", "nlm"),
    [
        pytest.param("الخطيب", "أحمد", "الخطيب, أحمد.", "أحمد الخطيب.", id="Arabic"),
        pytest.param("כהן", "דוד", "כהן, דוד.", "דוד כהן.", id="Hebrew"),
        pytest.param("Иванов", "Иван Петрович", "Иванов, И. П.", "Иван Петрович Иванов.", id="ru"),
        pytest.param("王", "小明", "王小明.", "王小明.", id="Chinese"),
        pytest.param("Wang 王", "Xiaoming 小明", "Wang 王, X. 小明.", "Xiaoming 小明 Wang 王.",
            id="both",
        ),
        pytest.param("Lee", "D-y", "Lee, D.", "D-y Lee.", id="hyphen before a small letter"),
        pytest.param("Lalu", " Manoj   M. ", "Lalu, M. M.", "Manoj M. Lalu.", id="spaces"),
    ],
)  # fmt: skip
def test_names_in_every_script_stand_in_their_order(
    family: str, given: str, apa: str, nlm: str
) -> None:
    fields = {"type": "article-journal", "author": [{"family": family, "given": given}]}
    assert reference("apa", fields) == f"{apa} (n.d.)."
    assert reference("nlm", fields) == f"1. {nlm}"


def test_an_empty_end_of_a_range_is_none() -> None:
    shown = reference("apa", {**ONE, "issued": {"date-parts": [[2020], []]}})
    assert shown.startswith("Lalu, M. M. (2020).")


def test_a_reference_is_one_line_whatever_its_fields_hold() -> None:
    shown = reference(
        "nlm",
        {
            "type": "report",
            "title": "Cells\nin repair",
            "author": [{"literal": "A\nGroup"}],
            "publisher": "W\r\nHO",
            "issued": {"literal": "in\npress"},
        },
    )
    assert shown == "1. A Group. Cells in repair. W HO; in press."

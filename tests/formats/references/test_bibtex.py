"""BibTeX and BibLaTeX say the same here as to BibTeX, and come out again as they came in."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from bibtexparser.entrypoint import parse_string
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.formats.references.bibtex import read, write_biblatex, write_bibtex
from kb.formats.references.bibtex_names import people_of
from kb.formats.references.latex import latex_of, title_of, unicode_of
from kb.formats.references.reading import FileRecord
from kb.identity.identifiers import identifiers
from kb.models.dates import PartialDate
from kb.models.records import (
    AuthorClaim,
    DateClaim,
    ExtraField,
    Unreadable,
    VenueClaim,
    WorkRecord,
    WorkType,
)
from tests.formats.references.work_records import articles, others, prose, records_in, written
from tests.formats.references.zotero_facts import cases, facts_of_record, facts_of_zotero


def reads(text: str) -> list[FileRecord | Unreadable]:
    return list(read(io.BytesIO(text.encode()), "a file"))


def the_record(text: str) -> WorkRecord:
    (found,) = reads(text)
    assert isinstance(found, FileRecord)
    return found.record


def records(text: str) -> list[WorkRecord]:
    return [found.record for found in reads(text) if isinstance(found, FileRecord)]


def warnings(text: str) -> str:
    return "; ".join(
        w for found in reads(text) if isinstance(found, FileRecord) for w in found.warnings
    )


def an_article(**more: Any) -> WorkRecord:
    fields = {
        "source": "a file",
        "key": "k",
        "label": "k",
        "title": "Title",
        "type": WorkType.ARTICLE,
    }
    return WorkRecord(**(fields | more))


DIALECTS = pytest.mark.parametrize("name", ["bibtex", "biblatex"])


# -- the grammar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "title"),
    [
        pytest.param("@article{k, title = {In {B}races}}", "In Braces", id="braces"),
        pytest.param('@article{k, title = "In {"}quotes{"}"}', 'In "quotes"', id="quotes"),
        pytest.param("@article(k, title = {Parentheses (too)})", "Parentheses (too)", id="parens"),
        pytest.param(
            '@string{a = "One"} @misc{k, title = a # { and } # "two"}', "One and two", id="#"
        ),
        pytest.param("@ARTICLE {k ,\n\n  TITLE={Upper}\n}", "Upper", id="case and space"),
        pytest.param("@misc{k, title = 2019}", "2019", id="number"),
        pytest.param("text me@x.org {a}\n@misc{k, title = {T}}", "T", id="text between"),
        pytest.param("@comment{jabref: @x}\n% T\n@misc{k, title = {T}}", "T", id="comments"),
        pytest.param('@preamble{"\\foo{x}"}\n@misc{k, title = {T}}', "T", id="preamble"),
        pytest.param(
            "@misc{k, title = {mail @inbook{x} here}}", "mail @inbookx here", id="@ inside"
        ),
        pytest.param("@misc{k,\n title = {T}\n author = {A}}", "T", id="no comma"),
        pytest.param("@misc{k\n title = {T}}", "T", id="no comma after key"),
        pytest.param("@misc{title = {T}}", "T", id="no key"),
        pytest.param(
            "@misc{k, title = {a \\{ b}, year = 2001}", "a { b", id="single escaped brace"
        ),
        pytest.param("@misc{k, title = {T}", "T", id="last brace missing"),
        pytest.param("\ufeff@misc{k, title = {T}}\r\n", "T", id="byte order mark"),
    ],
)
def test_an_entry_is_read_however_it_is_delimited(text: str, title: str) -> None:
    assert the_record(text).title == title


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("@article{b,\n title = {no end,\n year = 2019\n}", id="brace in a value"),
        pytest.param('@article{b,\n title = "no end,\n year = 2019\n}', id="quote"),
        pytest.param("@article{b, title = {{{a},", id="many braces"),
    ],
)
def test_a_broken_entry_is_reported_with_its_line_and_spoils_no_other(broken: str) -> None:
    text = f"@misc{{a, title = {{A}}}}\n{broken}\n@misc{{c, title = {{C}}}}\n"
    first, bad, last = reads(text)
    assert isinstance(first, FileRecord)
    assert isinstance(last, FileRecord)
    assert [first.record.title, last.record.title] == ["A", "C"]
    assert isinstance(bad, Unreadable)
    assert (bad.position, bad.key) == ("line 2", "b")
    assert "not closed" in bad.reason


def test_one_byte_that_is_no_utf8_spoils_nothing() -> None:
    body = "@misc{a, title = {Müller}}\n".encode() + "@misc{b, title = {Müller}}".encode("latin-1")
    found = [r.record.title for r in read(io.BytesIO(body), "f") if isinstance(r, FileRecord)]
    assert found == ["Müller", "Müller"]


def test_a_key_used_twice_is_read_twice_with_a_warning() -> None:
    text = "@misc{k, title = {A}}\n@misc{k, title = {B}}"
    assert [r.title for r in records(text)] == ["A", "B"]
    assert "the key 'k' was used in line 1" in warnings(text)


def test_a_field_that_stands_there_twice_is_not_lost() -> None:
    text = "@misc{k, title = {A}, title = {B}, keywords = {x}, keywords = {y}}"
    record = the_record(text)
    assert record.title == "A"
    assert [c.label for c in record.concepts] == ["x", "y"]
    assert ExtraField(format="bibtex", tag="title", value="B") in record.extra
    assert "title stands there twice" in warnings(text)


# -- inheritance ---------------------------------------------------------------------------------

CHILD_AND_PARENT = """
@inproceedings{c, title = {Paper}, author = {A, B}, crossref = {P}, pages = {1--2}}
@proceedings{p, title = {Proceedings}, editor = {E, F}, year = 2006, doi = {10.1000/book},
  publisher = {Pub}, isbn = {9780306406157}}
"""


def test_a_paper_inherits_from_its_proceedings_that_come_later() -> None:
    child, _ = records(CHILD_AND_PARENT)
    assert child.venue == VenueClaim(name="Proceedings", publisher="Pub")
    assert (child.published, child.pages, child.title) == ("2006", "1-2", "Paper")
    assert [c.person.family for c in child.contributors] == ["E"]


def test_an_identifier_is_never_inherited() -> None:
    child, parent = records(CHILD_AND_PARENT)
    assert child.identifiers == ()
    assert parent.identifiers == identifiers(doi="10.1000/book")


def test_xdata_gives_its_fields_and_is_no_record() -> None:
    text = (
        "@book{b, title = {T}, xdata = {x, y}}\n@xdata{x, publisher = {P}}\n@xdata{y, location={L}}"
    )
    record = the_record(text)
    assert record.venue == VenueClaim(publisher="P")
    assert record.place == "L"


def test_a_parent_that_is_not_there_is_warned_of() -> None:
    assert "crossref names 'gone'" in warnings("@inbook{c, title = {T}, crossref = {gone}}")


# -- LaTeX ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        pytest.param(r"{\"o} \"o \"{o} {\" o}", "ö ö ö ö", id="umlaut"),
        pytest.param(r"\'{\i} Garc\'\i a \'i {\'\i}", "í García í í", id="dotless i"),
        pytest.param(
            r"Ji{\v{r}}{\'{\i}} {\H o} \c{c} \k a \r{u} \.z", "Jiří ő ç ą ů ż", id="accents"
        ),
        pytest.param(
            r"stra\ss e \o re {\L}{\'o}d{\'z} \AA ngstr{\"o}m",
            "straße øre Łódź Ångström",
            id="letters",
        ),
        pytest.param(
            r"$\alpha$-SMA $\beta $-catenin \textgreek{ab}", "α-SMA β-catenin αβ", id="greek"
        ),
        pytest.param(
            r"$10^{6}$ CO$_2$ 37$^\circ$C $p \leq 0.05$", "10⁶ CO₂ 37°C p ≤ 0.05", id="math"
        ),
        pytest.param(
            r"10\textsuperscript{6} 1\textsuperscript{st} CD4\textsuperscript{+}",
            "10⁶ 1st CD4⁺",
            id="raised",
        ),
        pytest.param(r"\emph{in vivo} {\em x} {\bf y} \textsc{Z}", "in vivo x y Z", id="faces"),
        pytest.param(r"a--b---c ``q'' \& \% \$ \# \_ \{\}", "a–b—c “q” & % $ # _ {}", id="signs"),
        pytest.param(r"D\textquotesingle A \textendash{} \ldots", "D'A – …", id="named signs"),
        pytest.param(r"\url{http://x.y/~a_b}", "http://x.y/~a_b", id="url"),
        pytest.param(r"\href{http://x.y}{here}", "here (http://x.y)", id="href"),
        pytest.param("US$5 and $10", "US$5 and $10", id="dollars"),
        pytest.param(r"a~b", "a\u00a0b", id="tie"),
        pytest.param(r"\unknown{kept} here", r"\unknown{kept} here", id="unknown"),
        pytest.param("{" * 5_000 + "x", "x", id="braces without end"),
    ],
)
def test_latex_becomes_the_text_it_shows(latex: str, text: str) -> None:
    assert unicode_of(latex) == text


def test_commands_are_undone_in_a_doi_and_nothing_else_is() -> None:
    assert unicode_of(r"10.1007/978-3{\_}4--5~$6", is_verbatim=True) == "10.1007/978-3_4--5~$6"


@given(prose | st.text(max_size=40))
def test_text_written_as_latex_reads_back(text: str) -> None:
    assert unicode_of(latex_of(text)) == text
    assert unicode_of(title_of(text)) == text
    assert unicode_of(latex_of(text, is_verbatim=True), is_verbatim=True) == text


@pytest.mark.parametrize(
    ("title", "latex"),
    [
        pytest.param(
            "MSC therapy in Parkinson disease: An mRNA study",
            "{MSC} therapy in {Parkinson} disease: An {mRNA} study",
            id="sentence case",
        ),
        pytest.param("Therapy Of Mice With MSC", "Therapy Of Mice With {MSC}", id="title case"),
        pytest.param("A 50% rise in O_2", r"A 50\% rise in {O\_2}", id="signs"),
    ],
)
def test_capitals_that_must_stay_are_protected(title: str, latex: str) -> None:
    assert title_of(title) == latex


def test_protected_capitals_of_a_file_come_out_again() -> None:
    text = "@article{k, title = {Therapy In {Mice} With Cells}}"
    out = b"".join(write_bibtex(records(text))).decode()
    assert "title = {Therapy In {Mice} With Cells}" in out


# -- names ---------------------------------------------------------------------------------------


def person(family: str, given_: str | None = None, suffix: str | None = None) -> AuthorClaim:
    return AuthorClaim(family=family, given=given_, suffix=suffix)


@pytest.mark.parametrize(
    ("names", "people"),
    [
        pytest.param("von Last, Jr, First", [person("von Last", "First", "Jr")], id="two commas"),
        pytest.param("First von Last", [person("von Last", "First")], id="first von last"),
        pytest.param("Jean de la Fontaine", [person("de la Fontaine", "Jean")], id="particles"),
        pytest.param("Plato", [person("Plato")], id="one word"),
        pytest.param("{WHO Study Group}", [AuthorClaim(collective="WHO Study Group")], id="group"),
        pytest.param(
            "{Barnes and Noble, Inc.}",
            [AuthorClaim(collective="Barnes and Noble, Inc.")],
            id="and inside",
        ),
        pytest.param(
            "{Smith}, J. and {\\'A}, B.",
            [person("Smith", "J."), person("Á", "B.")],
            id="braces in names",
        ),
        pytest.param(
            "Anderson, A and\nSanders, B",
            [person("Anderson", "A"), person("Sanders", "B")],
            id="and in names",
        ),
        pytest.param(
            "given=Hans, family=Berg, prefix=van den",
            [person("van den Berg", "Hans")],
            id="by parts",
        ),
        pytest.param("sudhin jacob", [person("jacob", "sudhin")], id="small letters"),
        pytest.param(
            "{Smith, John and Doe, Jane}",
            [person("Smith", "John"), person("Doe", "Jane")],
            id="list in braces",
        ),
        pytest.param(
            "Smith, J.; Doe, A.", [person("Smith", "J."), person("Doe", "A.")], id="semicolons"
        ),
        pytest.param(
            "Smith J and Doe AB", [person("Smith", "J"), person("Doe", "AB")], id="initials after"
        ),
        pytest.param(
            "Donald E. Knuth Jr.", [person("Knuth", "Donald E.", "Jr.")], id="suffix at the end"
        ),
    ],
)
def test_names_are_taken_apart_as_they_are_meant(names: str, people: list[AuthorClaim]) -> None:
    assert people_of(names, []) == (tuple(people), None)


def test_and_others_says_that_there_are_more() -> None:
    record = the_record("@misc{k, title = {T}, author = {Doe, J. and others}}")
    assert (record.authors, record.authors_complete) == ((person("Doe", "J."),), False)


# -- fields --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        pytest.param("year = 2019, month = dec, day = 5", "2019-12-05", id="year month day"),
        pytest.param('year = 2019, month = "10~" # jan', "2019-01-10", id="day in month"),
        pytest.param("year = {2019}, month = {December}", "2019-12", id="month by name"),
        pytest.param("date = {2019-12-05}", "2019-12-05", id="date"),
        pytest.param("date = {2019-12/2020-01}", "2019-12", id="range"),
        pytest.param("date = {1997~}", "1997", id="circa"),
        pytest.param("date = {2004-22}", "2004", id="season"),
        pytest.param("date = {-0044}", None, id="before our era"),
        pytest.param("year = {1995/96}", "1995", id="two years"),
        pytest.param("year = {in press}", None, id="no year"),
        pytest.param("year = 0", None, id="year 0"),
    ],
)
def test_dates_are_as_precise_as_given_and_come_out_again(
    fields: str, published: str | None
) -> None:
    record = the_record(f"@article{{k, title = {{T}}, {fields}}}")
    assert record.published == published
    for write in (write_bibtex, write_biblatex):
        assert the_record(b"".join(write([record])).decode()) == record


def test_fields_of_both_dialects_mean_the_same() -> None:
    one = the_record(
        "@article{k, title={T}, journal={J}, year=2019, month=dec, number=3, pages={1--9},"
        " address={P}, language={english}, annote={N}}"
    )
    other = the_record(
        "@article{k, title={T}, journaltitle={J}, date={2019-12}, number=3, pages={1–9},"
        " location={P}, langid={english}, annotation={N}}"
    )
    assert replace(one, extra=()) == replace(other, extra=())


def test_identifiers_are_found_where_programs_put_them() -> None:
    record = the_record(
        "@article{k, title={T}, doi={https://doi.org/10.1002/(SICI)1097-0258(19980815)17:15<1661::AID>3.0;2-2},"
        " eprint={31810187}, eprinttype={pubmed}, pmcid={PMC6947442}}"
    )
    assert record.identifiers == identifiers(
        doi="10.1002/(sici)1097-0258(19980815)17:15<1661::aid>3.0;2-2",
        pmid=31810187,
        pmcid="PMC6947442",
    )


def test_what_is_no_identifier_is_kept_and_warned_of() -> None:
    text = "@article{k, title={T}, doi={in press}}"
    assert ExtraField(format="bibtex", tag="doi", value="in press") in the_record(text).extra
    assert "DOI 'in press' is none" in warnings(text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("article", WorkType.ARTICLE), ("inbook", WorkType.BOOK_CHAPTER), ("book", WorkType.BOOK),
        ("incollection", WorkType.BOOK_CHAPTER), ("inproceedings", WorkType.CONFERENCE_PAPER),
        ("phdthesis", WorkType.THESIS), ("mastersthesis", WorkType.THESIS),
        ("techreport", WorkType.REPORT), ("online", WorkType.WEB_PAGE), ("misc", WorkType.OTHER),
        ("dataset", WorkType.DATASET), ("patent", WorkType.PATENT), ("mvbook", WorkType.BOOK),
        ("software", WorkType.SOFTWARE), ("unpublished", WorkType.OTHER), ("foo", WorkType.OTHER),
    ],
)  # fmt: skip
def test_a_type_of_entry_is_the_kind_of_work_and_comes_out_again(
    kind: str, expected: WorkType
) -> None:
    record = the_record(f"@{kind}{{k, title = {{T}}}}")
    assert record.type is expected
    out = b"".join(write_biblatex([record])).decode()
    assert out.startswith(f"@{kind}{{") or kind in ("phdthesis", "techreport")


# -- there and back ------------------------------------------------------------------------------


@DIALECTS
@settings(max_examples=40, deadline=None)
@given(work=articles | others)
def test_a_record_written_reads_back(name: str, work: WorkRecord) -> None:
    (back,) = records_in(name, written(name, [work]))
    assert replace(back, key=work.key) == work


@pytest.mark.parametrize("kind", [*WorkType, None])
@DIALECTS
def test_every_kind_of_work_survives(name: str, kind: WorkType | None) -> None:
    work = an_article(type=kind, venue=VenueClaim(name="J"), volume="3")
    assert records_in(name, written(name, [work])) == [work]


@DIALECTS
def test_the_extremes_survive(name: str) -> None:
    work = an_article(
        title="𝒜 long title 🧬 עברית العربية\u00a0" + "word " * 2_000 + "end",
        authors=tuple(person(f"Family{n}", f"Given {n}") for n in range(5_000)),
        identifiers=identifiers(doi="10.1002/(sici)1<1::aid-ana4>3.0.co;2-#"),
        abstract=the_record("@misc{k, abstract = {One.\n\nTwo.}}").abstract,
        notes=("@article{x, y}", "a {b} \\ ~ ^ # $ % & _", "``quoted'' -- dash"),
    )
    assert records_in(name, written(name, [work])) == [work]


def test_unknown_fields_come_out_as_they_came_in() -> None:
    text = "@misc{k, mrnumber = {MR1 \\& {\\bf x}}, file = {:C$\\backslash$:/a.pdf:pdf}}"
    out = b"".join(write_bibtex(records(text))).decode()
    assert "mrnumber = {MR1 \\& {\\bf x}}" in out
    assert "file = {:C$\\backslash$:/a.pdf:pdf}" in out


def test_what_was_kept_gives_way_to_what_was_changed_since() -> None:
    record = the_record("@article{k, title = {A}, subtitle = {B}, date = {2019-12/2020-01}}")
    changed = replace(
        record, title="C", published=record.published and type(record.published)("2021")
    )
    out = b"".join(write_biblatex([changed])).decode()
    assert "title = {C}" in out
    assert "subtitle" not in out
    assert "date = {2021}" in out


@pytest.mark.parametrize(
    ("label", "key"),
    [
        pytest.param("smith_2019:a", "smith_2019:a", id="valid"),
        pytest.param("has space, comma", "Doe2019Effect", id="invalid"),
        pytest.param(None, "Doe2019Effect", id="none"),
    ],
)
def test_keys_are_the_callers_where_they_can_be(label: str | None, key: str) -> None:
    work = an_article(
        label=label, title="The effect of x", authors=(person("Doe", "J"),),
        published=the_record("@misc{k, year = 2019}").published,
    )  # fmt: skip
    out = b"".join(write_bibtex([work, work])).decode()
    assert f"@article{{{key},\n" in out
    assert f"@article{{{key}a,\n" in out  # one key is one entry
    if label:
        assert [r.label for r in records(out)] == [label, label]


@settings(max_examples=40, deadline=None)
@given(st.lists(articles | others, max_size=4))
def test_bibtexparser_reads_the_same_entries_and_fields(works: list[WorkRecord]) -> None:
    body = written("bibtex", works).decode()
    library = parse_string(body)
    assert library.failed_blocks == []
    assert len(library.entries) == len(works)
    for entry, work in zip(library.entries, works, strict=True):
        value = entry.fields_dict["title"].value
        assert unicode_of(value) == work.title
        if work.published:
            assert entry.fields_dict["year"].value == work.published[:4]


@pytest.mark.parametrize(
    "case", cases("bibtex"), ids=lambda case: case["input"].strip()[:30].split("\n")[0]
)
def test_zotero_reads_the_same(case: dict[str, Any]) -> None:
    found = records(case["input"])
    assert len(found) == len(case["items"])
    for record, item in zip(found, case["items"], strict=True):
        theirs = facts_of_zotero(item)
        # A space after a command is none in TeX, and "\\\\" ends a line.
        theirs["author"] = [n.replace("D' asp", "D'asp") for n in theirs.get("author", [])]
        theirs["title"] = theirs["title"].removesuffix(" {")
        ours = facts_of_record(record)
        assert {name: ours[name] for name in theirs} == theirs


# -- anything ------------------------------------------------------------------------------------

_SNIPPETS = [
    *("@article{", "@misc(", "@string{a=", "}", "{", '"', ",", "=", "#", "title", "a", "\\", "$"),
    *("\n", "year = 2019", "crossref = {a}", " and ", "~", "\\'", "{\\i}"),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(_SNIPPETS) | st.text(max_size=5), max_size=40).map("".join))
def test_no_text_stops_the_reader(text: str) -> None:
    for found in reads(text):
        if isinstance(found, FileRecord):
            b"".join(write_bibtex([found.record]))


# -- what goes from other formats into BibTeX and back -------------------------------------------


@pytest.mark.parametrize(
    ("types", "written_as"),
    [
        pytest.param(("PhD thesis",), "@phdthesis{k,\n  title = {Title}\n}", id="PhD"),
        pytest.param(("Master's thesis",), "@mastersthesis{k,\n  title = {Title}\n}", id="master"),
        pytest.param(("MSc",), "type = {MSc}", id="as given"),
        pytest.param((), "type = {Thesis}", id="of no kind"),
    ],
)
def test_a_thesis_is_of_the_kind_it_was(types: tuple[str, ...], written_as: str) -> None:
    work = an_article(type=WorkType.THESIS, types_as_given=types)
    assert written_as in written("bibtex", [work]).decode()
    (found,) = records_in("bibtex", written("bibtex", [work]))
    assert replace(found, extra=()) == work


@DIALECTS
@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"types_as_given": ("Review", "Meta-Analysis")}, id="types of work"),
        pytest.param({"type": WorkType.REPORT, "issue": "TR-1"}, id="number of a report"),
        pytest.param({"type": WorkType.PATENT, "issue": "US123"}, id="number of a patent"),
        pytest.param(
            {"types_as_given": ("Retracted Publication",), "is_flagged_retracted": True},
            id="retraction",
        ),
        pytest.param(
            {"dates": (DateClaim(role="accessed", date=PartialDate("2020-01-02")),)}, id="accessed"
        ),
        pytest.param({"authors": (AuthorClaim(name="王小明"),)}, id="a name without space"),
    ],
)
def test_facts_of_other_formats_survive(name: str, more: dict[str, Any]) -> None:
    work = an_article(**more)
    assert records_in(name, written(name, [work])) == [work]


def test_the_number_of_a_report_is_its_number() -> None:
    work = an_article(type=WorkType.REPORT, issue="TR-1")
    assert "number = {TR-1}" in written("bibtex", [work]).decode()


def test_where_a_meeting_was_is_not_where_its_publisher_is() -> None:
    record = the_record("@inproceedings{k, address = {New York}, location = {Glasgow}}")
    assert record.place == "New York"
    assert "Glasgow" in written("bibtex", [record]).decode()


def test_a_comma_in_braces_separates_no_keywords() -> None:
    record = the_record("@misc{k, keywords = {MSC,{OA, knee},cartilage}}")
    assert [c.label for c in record.concepts] == ["MSC", "OA, knee", "cartilage"]
    assert records_in("bibtex", written("bibtex", [record])) == [record]


def test_identifiers_in_notes_are_understood() -> None:
    record = the_record("@misc{k, annotation = {PMID: 31810187\n\nPMCID: PMC6947442}}")
    assert record.identifiers == identifiers(pmid=31810187, pmcid="PMC6947442")


def test_the_number_of_a_namesake_is_no_name_and_comes_out_again() -> None:
    record = the_record("@misc{k, author = {Wei Wang 0001 and Ann Li}}")
    assert record.authors[0] == AuthorClaim(family="Wang", given="Wei")
    assert "Wei Wang 0001" in written("bibtex", [record]).decode()


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        pytest.param("@article(k, title = {T}, year = 2004)", False, id="parentheses"),
        pytest.param("@article{k title = {T}, year = 2004}", True, id="no comma on the line"),
    ],
)
def test_the_last_and_the_first_field_are_read(text: str, warned: bool) -> None:
    record = the_record(text)
    assert (record.label, record.title, record.published) == ("k", "T", "2004")
    assert record.extra == ()
    assert bool(warnings(text)) is warned

"""Two records of one work are the same however exports write them; what belongs together and is
not one work is linked, never merged."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.identity.comparison import Verdict, compare, contradiction, judge
from kb.identity.descriptions import COLUMNS, Description, describe, describe_row
from kb.identity.identifiers import identifiers
from kb.identity.titles import is_generic
from kb.models.dates import PartialDate
from kb.models.records import AuthorClaim, VenueClaim, WorkRecord
from tests.conftest import shared

TITLE = "Infusion of stromal cells in adults with progressive multiple sclerosis"
NEXT = {"year": "2020", "volume": "9", "number": "1", "pages": "12-15"}


def a_row(record_id: str = "1", **changed: str) -> dict[str, str]:
    row = {
        "record_id": record_id,
        "entry_type": "article",
        "title": TITLE,
        "author": "Iacobaeus, Ellen and Kadri, Nadir and Müller, Karin",
        "year": "2019",
        "journal": "Journal of Clinical Medicine",
        "volume": "8",
        "number": "12",
        "pages": "2102-2119",
    }
    return row | changed


def described(**changed: str) -> Description:
    return describe_row(a_row("2", **changed))


ONE = describe_row(a_row())


def pair(text: str, *words: str) -> list[str]:
    return [text.format(word) for word in words]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="letter for letter"),
        pytest.param({"title": TITLE.upper() + "."}, id="capitals and full stop"),
        pytest.param({"title": f"[{TITLE}]."}, id="brackets of a translated title"),
        pytest.param({"title": f"{TITLE}. [German]"}, id="language behind the title"),
        pytest.param({"title": f"{TITLE} (Provisional abstract)"}, id="remark of an indexer"),
        pytest.param(
            {"title": f"{TITLE}.[Erratum appears in J Clin Med. 2020;9(1):7]"}, id="erratum note"
        ),
        pytest.param({"title": TITLE.replace("stromal", "stromla")}, id="slip in a word"),
        pytest.param({"title": TITLE.replace("stromal cells", "stromalcells")}, id="space lost"),
        pytest.param({"title": f"The {TITLE}"}, id="article before the title"),
        pytest.param(
            {"title": f"Infusion von Stromazellen bei Erwachsenen [{TITLE}]"}, id="both languages"
        ),
        pytest.param({"title": f"{TITLE}: a phase one study"}, id="subtitle left out"),
        pytest.param({"author": "Iacobaeus E, Kadri N, Muller K"}, id="initials, commas"),
        pytest.param({"author": "E. Iacobaeus; N. Kadri; K. Mueller"}, id="initials first"),
        pytest.param({"author": "Iacobaeus E.Kadri N.Müller K."}, id="names run together"),
        pytest.param({"author": "Iacobaeus Ellen and Kadri Nadir and Müller Karin"}, id="no comma"),
        pytest.param({"author": "IACOBAEUS, E. and KADRI, N. and others"}, id="list cut off"),
        pytest.param({"author": "E. Iacobaeus and N. Kadri and K. MÃ¼ller"}, id="mojibake"),
        pytest.param({"author": ""}, id="authors missing"),
        pytest.param({"journal": "J Clin Med"}, id="abbreviation"),
        pytest.param({"journal": "JOURNAL OF CLINICAL MEDICINE (BASEL)"}, id="place of a journal"),
        pytest.param({"journal": "J Clin Med: official journal of its society"}, id="its subtitle"),
        pytest.param({"journal": ""}, id="journal missing"),
        pytest.param({"pages": "2102-19"}, id="last page shortened"),
        pytest.param({"pages": "2102"}, id="first page alone"),
        pytest.param({"pages": "2102–2119.e3"}, id="pages of a supplement"),
        pytest.param({"pages": ""}, id="pages missing"),
        pytest.param({"volume": "8 (12) (no pagination)", "number": ""}, id="issue in the volume"),
        pytest.param({"volume": "12", "number": "8"}, id="volume and issue exchanged"),
        pytest.param({"number": "12-13"}, id="double issue"),
        pytest.param({"number": "11"}, id="another issue, the rest agrees"),
        pytest.param(
            {"year": "2018", "volume": "", "number": "", "pages": "1-18"}, id="ahead of print"
        ),
        pytest.param({"volume": "", "number": "", "pages": "", "journal": ""}, id="nothing but it"),
    ],
)  # fmt: skip
def test_one_work_written_in_two_ways_is_the_same(changed):
    found = compare(ONE, described(**changed))
    assert found.verdict is Verdict.SAME, found


@pytest.mark.parametrize(
    ("changed", "link"),
    [
        pytest.param({"title": f"{TITLE}. Part II"} | NEXT, "companion paper", id="second part"),
        pytest.param({"title": f"{TITLE}. 2"} | NEXT, "companion paper", id="number behind it"),
        pytest.param(
            {"title": TITLE.replace("adults", "children")} | NEXT, "companion paper", id="others"
        ),
        pytest.param({"title": f"Correction to: {TITLE}"} | NEXT, "correction of", id="correction"),
        pytest.param({"title": f"{TITLE} (vol 8, pg 2, 2019)"} | NEXT, "correction of", id="wos"),
        pytest.param({"title": f"Retraction: {TITLE}"} | NEXT, "retraction of", id="notice"),
        pytest.param({"title": f"RETRACTED: {TITLE}"} | NEXT, "retracted version of", id="flag"),
        pytest.param({"title": f"{TITLE}: authors' reply"} | NEXT, "reply", id="reply"),
        pytest.param({"title": f"Comment on: {TITLE}"} | NEXT, "comment on", id="comment"),
        pytest.param(
            {"journal": "medRxiv", "volume": "", "number": "", "pages": ""}, "preprint of",
            id="preprint",
        ),
        pytest.param(
            {"entry_type": "inproceedings", "journal": "", "volume": "", "number": "",
             "booktitle": "World Congress of Neurology", "year": "2018", "pages": "77"},
            "conference abstract of", id="conference abstract",
        ),
        pytest.param({"journal": "Cytotherapy"} | NEXT, "version in another venue", id="elsewhere"),
    ],
)  # fmt: skip
def test_works_that_belong_together_are_linked_and_not_merged(changed, link):
    found = compare(ONE, described(**changed))
    assert found.verdict is not Verdict.SAME, found
    assert found.link == link


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param("Editorial", "Editorial", id="editorial"),
        pytest.param("Introduction", "Introduction", id="introduction"),
        pytest.param("Letter to the editor", "Letter to the editor", id="letter"),
        pytest.param(*pair("Annual report {} of the registry", "2010", "2011"), id="years"),
        pytest.param(*pair("Treatment of {}tension in pregnancy", "hyper", "hypo"), id="prefix"),
        pytest.param(*pair("Outcome {} months after cardiac arrest", "6", "12"), id="follow-up"),
        pytest.param(*pair("A phase {} trial of imatinib in cancer", "II", "III"), id="phases"),
        pytest.param(*pair("Morphine in {} with neuropathy", "rats", "mice"), id="kinds"),
        pytest.param(*pair("{} in adults with asthma", "Prednisone", "Prednisolone"), id="drugs"),
        pytest.param(*pair("Hepatitis {} in travellers to the tropics", "A", "B"), id="letters"),
    ],
)  # fmt: skip
def test_alike_titles_of_one_group_in_one_journal_are_not_merged(ours, theirs):
    other = described(title=theirs, **NEXT)
    assert compare(describe_row(a_row(title=ours)), other).verdict is not Verdict.SAME
    # Nor with nothing but authors, journal and year to go by, where the wording differs.
    if ours != theirs:
        bare = {"volume": "", "number": "", "pages": ""}
        alike = [describe_row(a_row(title=t, **bare)) for t in (ours, theirs)]
        assert compare(*alike).verdict is not Verdict.SAME


def test_one_doi_does_not_make_one_work_of_all_abstracts_of_a_supplement():
    doi = "10.1000/supplement"
    ours = described(doi=doi, pages="S12")
    theirs = described(
        doi=doi, title="Fatigue among relatives of patients", author="Cohen, A", pages="S98"
    )
    assert compare(ours, theirs).verdict is Verdict.UNSURE


def test_two_dois_are_two_works_even_where_all_else_agrees():
    found = compare(described(doi="10.1000/a"), described(doi="10.1000/b"))
    assert found.verdict is Verdict.UNSURE
    assert "10.1000/a against 10.1000/b" in found.reason


def test_versions_of_a_cochrane_review_are_one_review():
    here = {"journal": "Cochrane Database Syst Rev", "pages": "Cd002273", "volume": ""}
    first = described(doi="10.1002/14651858.CD002273.pub2", **here)
    later = described(
        doi="10.1002/14651858.CD002273.pub3", **here | {"number": "2", "year": "2024"}
    )
    bare = described(**here | {"number": "7", "year": "2010"})
    assert compare(first, later).verdict is Verdict.SAME
    assert compare(later, bare).verdict is Verdict.SAME
    assert contradiction(first, later) is None


def test_an_introduction_that_a_meeting_has_every_year_is_not_one_work():
    meeting = {
        "entry_type": "inproceedings",
        "journal": "",
        "booktitle": "Hawaii International Conference on System Sciences",
        "title": "Introduction to the minitrack on stromal cells in the gig economy",
        "volume": "", "number": "", "pages": "",
    }  # fmt: skip
    found = compare(described(**meeting), described(**meeting | {"year": "2020"}))
    assert found.verdict is Verdict.UNSURE


def test_a_work_without_a_title_is_never_merged():
    found = compare(described(title="Unknown"), described(title="[No title available]"))
    assert found.verdict is not Verdict.SAME


LETTER = {"title": "Stroke rehabilitation", "pages": "100"}
YEARLY = {"title": "Standards of care in diabetes", "pages": "S1", "author": "Diabetes Society"}
UNPLACED = {"volume": "", "number": "", "pages": ""}
CHAPTER = {
    "entry_type": "incollection", "title": "Using the widget", "journal": "", "volume": "",
    "number": "",
}  # fmt: skip
REGISTERED = {"journal": "https://trials.example.org/?id=CTR-{}", "author": "CTR-{}"} | UNPLACED


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(
            LETTER | {"author": "Smith, J"}, LETTER | {"author": "Miller, K"},
            id="letters under one heading",
        ),
        pytest.param(
            {"title": "Book review"} | {"pages": ""}, {"title": "Book review"} | {"pages": ""},
            id="book reviews of one issue",
        ),
        pytest.param(
            {"number": "", "pages": "S1-S10"}, {"number": "", "pages": "e1-e10"},
            id="a supplement's pages and electronic ones",
        ),
        pytest.param(
            {"title": "Current trends in stem cells"} | UNPLACED,
            {"title": "Current trends in stem cells", "year": "2020"} | UNPLACED,
            id="one topic in two years",
        ),
        pytest.param(
            CHAPTER | {"year": "2012", "booktitle": "The library", "pages": "549-585"},
            CHAPTER | {"year": "2013", "booktitle": "The library 2.0", "pages": "527-554"},
            id="chapter of two editions",
        ),
        pytest.param(
            {k: v.format("TRC-11001") for k, v in REGISTERED.items()},
            {k: v.format("TRC-11002") for k, v in REGISTERED.items()},
            id="entries of a trial registry",
        ),
        pytest.param(
            YEARLY, YEARLY | {"year": "2020", "volume": "9"}, id="what comes out every year",
        ),
        pytest.param(
            YEARLY, YEARLY | {"year": "2020"} | UNPLACED, id="next year's, not placed yet",
        ),
        pytest.param(
            {"entry_type": "book", "journal": ""} | UNPLACED,
            {"entry_type": "incollection", "journal": "", "booktitle": "Handbook", "volume": "",
             "number": ""},
            id="book and chapter",
        ),
        pytest.param(
            {}, {"journal": "Dissertation Abstracts International: Section B"} | UNPLACED,
            id="thesis",
        ),
    ],
)  # fmt: skip
def test_what_says_the_same_and_may_be_two_works_is_not_merged(ours, theirs):
    found = compare(described(**ours), described(**theirs))
    assert found.verdict is not Verdict.SAME, found


def test_two_records_with_a_topic_for_a_title_and_nothing_else_are_open():
    nothing = dict.fromkeys(a_row(), "")
    ours, theirs = (
        describe_row(nothing | {"record_id": id, "title": "Stroke rehabilitation"}) for id in "12"
    )
    assert compare(ours, theirs).verdict is Verdict.UNSURE


def test_evidence_is_told_in_words():
    found = compare(ONE, described(pages="476-481", volume="3"))
    assert "same title" in found.evidence_for
    assert "pages 2102-2119 against 476-481" in found.evidence_against
    assert "volume 8 against 3" in found.evidence_against


def test_a_record_of_a_source_and_a_row_of_a_table_describe_one_work():
    record = WorkRecord(
        source="pubmed", key="MED:1", title=TITLE,
        identifiers=identifiers(pmid="31810187"),
        authors=(AuthorClaim(family="Iacobaeus", given="E"), AuthorClaim(name="Nadir Kadri"),
                 AuthorClaim(family="Müller", given="K")),
        published=PartialDate("2019-12-02"),
        venue=VenueClaim(abbreviation="J Clin Med"), volume="8", issue="12", article_number="2102",
    )  # fmt: skip
    assert compare(describe(record), ONE).verdict is Verdict.SAME


def _cases() -> list[dict[str, Any]]:
    packed = shared("data/dedup/pair_cases_25.json.gz")
    cases: list[dict[str, Any]] = json.loads(gzip.decompress(packed.read_bytes()))["cases"]
    return cases


def test_labelled_pairs_are_judged_as_labelled():
    renamed = {"ENTRYTYPE": "entry_type", "ID": "record_id"}
    for case in _cases():
        a, b = (
            describe_row({renamed.get(k, k): str(v or "") for k, v in case[side].items()})
            for side in ("record_a", "record_b")
        )
        found = compare(a, b)
        is_same = found.verdict is Verdict.SAME
        assert is_same == case["expected_duplicate"], (case["id"], found)


words_of_titles = st.sampled_from(
    ["", TITLE, TITLE + ". Part II", "Editorial", "Correction to: " + TITLE, TITLE.upper(), "Reply"]
)
rows = st.fixed_dictionaries(
    {
        "title": words_of_titles | st.text(max_size=40),
        "author": st.sampled_from(["", "Kadri, N", "Müller K., Kadri N", "N Kadri; K Mueller"])
        | st.text(max_size=20),
        "year": st.sampled_from(["", "2019", "2020", "in press"]),
        "journal": st.sampled_from(["", "J Clin Med", "Journal of Clinical Medicine", "medRxiv"]),
        "volume": st.sampled_from(["", "8", "9", "Suppl 1"]),
        "number": st.sampled_from(["", "8", "12", "12-13"]),
        "pages": st.sampled_from(["", "1-9", "2102-2119", "S4", "e2102", "x"]),
        "doi": st.sampled_from(["", "10.1000/a", "https://doi.org/10.1000/B", "10.1000/a.v2"]),
    }
)


def row_of(values: dict[str, str], record_id: str) -> Description:
    return describe_row({"record_id": record_id, **values})


@given(rows, rows)
def test_a_verdict_does_not_depend_on_which_record_comes_first(ours, theirs):
    a, b = row_of(ours, "1"), row_of(theirs, "2")
    there, back = compare(a, b), compare(b, a)
    assert (there.verdict, there.link) == (back.verdict, back.link)


@given(rows, rows)
def test_the_quick_judgement_is_that_of_the_full_comparison(ours, theirs):
    a, b = row_of(ours, "1"), row_of(theirs, "2")
    quick, full = judge(a, b), compare(a, b)
    if quick.verdict is not Verdict.DIFFERENT:
        assert (quick.verdict, quick.reason) == (full.verdict, full.reason)


@given(rows)
def test_a_record_that_says_anything_of_its_own_is_the_same_as_its_copy(values):
    a, b = (row_of(values, record_id) for record_id in "12")
    is_told = a.letters and not is_generic(a.titles[0])
    if len(a.letters) > 25 or a.doi or (is_told and (a.authors.families or a.year or a.venues)):
        assert compare(a, b).verdict is Verdict.SAME


def test_the_columns_are_those_of_the_table():
    assert set(a_row()) <= set(COLUMNS)

"""NLM's names as PubMed and Europe PMC write them."""

import pytest

from kb.formats.nlm import (
    is_retracted,
    language,
    notice_link,
    relation_link,
    title_as_printed,
    work_type,
)
from kb.models.records import NoticeKind, WorkType


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        pytest.param(["Journal Article"], WorkType.ARTICLE, id="article"),
        pytest.param(["Journal Article", "Review"], WorkType.REVIEW, id="review"),
        pytest.param(["review-article", "journal article"], WorkType.REVIEW, id="JATS name"),
        pytest.param(["Meta-Analysis", "Systematic Review"], WorkType.REVIEW, id="meta-analysis"),
        pytest.param(["Clinical Trial, Phase II"], WorkType.ARTICLE, id="trial with its phase"),
        pytest.param(
            ["Clinical Trial Protocol", "Journal Article"], WorkType.PROTOCOL, id="protocol"
        ),
        pytest.param(["Case Reports", "Review"], WorkType.CASE_REPORT, id="case with a review"),
        pytest.param(["Published Erratum", "correction"], WorkType.NOTICE, id="erratum"),
        pytest.param(["Retraction of Publication"], WorkType.NOTICE, id="retraction notice"),
        pytest.param(
            ["Journal Article", "Retracted Publication"], WorkType.ARTICLE, id="retracted"
        ),
        pytest.param(["Comment", "Letter"], WorkType.LETTER, id="letter"),
        pytest.param(["News"], WorkType.OTHER, id="news"),
        pytest.param(["Research Support, Non-U.S. Gov't"], None, id="says nothing of the kind"),
        pytest.param([], None, id="none"),
    ],
)
def test_publication_types_tell_the_kind_of_work_whatever_their_spelling(names, kind):
    assert work_type(names) is kind


def test_only_the_retracted_article_is_flagged_never_its_notice():
    assert is_retracted(["Journal Article", "retracted publication"]) is True
    assert is_retracted(["Retraction of Publication"]) is None


@pytest.mark.parametrize("name", ["RetractionIn", "Retraction in"])
def test_pubmed_and_europe_pmc_spell_a_link_differently_and_mean_the_same(name):
    assert notice_link(name) == (NoticeKind.RETRACTION, True)


def test_a_republication_is_a_relation_and_not_a_notice():
    assert notice_link("RetractedandRepublishedIn") is None
    assert relation_link("RetractedandRepublishedIn") == "republished in"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("eng", "en"), ("CHI", "zh"), ("und", None), ("mul", "mul"), (None, None), ("de", "de")],
)
def test_languages_get_their_two_letters_where_they_have_them(code, expected):
    assert language(code) == expected


def test_an_update_between_a_server_and_a_journal_is_a_preprint_and_its_article():
    assert relation_link("UpdateOf", "medRxiv. 2020 Jun 17:1.") == "has preprint"
    assert relation_link("UpdateIn", "Stem Cells. 2021;1", is_preprint=True) == "preprint of"
    assert relation_link("UpdateOf", "Cochrane Database Syst Rev. 2012;1") == "update of"


@pytest.mark.parametrize(
    ("given", "is_translated", "printed"),
    [
        pytest.param("Safety of MSC.", False, "Safety of MSC", id="full stop"),
        pytest.param("MSC in the U.S.", False, "MSC in the U.S.", id="abbreviation"),
        pytest.param("And so on...", False, "And so on...", id="ellipsis"),
        pytest.param("[Stem cells [MSC] in ataxia.]", True, "Stem cells [MSC] in ataxia", id="[]"),
        pytest.param("[11C]PIB and [18F]FDG", True, "[11C]PIB and [18F]FDG", id="two pairs"),
        pytest.param("[Sic]", False, "[Sic]", id="brackets of its own"),
        pytest.param("[Not Available].", True, None, id="no title"),
        pytest.param(None, False, None, id="none"),
    ],
)
def test_a_title_loses_what_nlm_adds_and_nothing_else(given, is_translated, printed):
    assert title_as_printed(given, is_translated=is_translated) == printed

"""What PubMed and Europe PMC share: NLM's titles, and its names for types, links and languages.

PubMed writes "Published Erratum" and "RetractionIn", Europe PMC "published erratum" and "Retraction
in", and adds JATS article types ("research-article"); case and spacing are ignored here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from kb.models.records import NoticeKind, WorkType

# In order of what decides: an erratum is a notice although it is a journal article too, a case
# report with a review of the literature is a case report. "Retracted Publication" is the article
# that was retracted and decides nothing; "Retraction of Publication" is the notice.
# https://www.nlm.nih.gov/mesh/pubtypes.html and the article-type values of JATS.
_TYPES: Final[tuple[tuple[WorkType, frozenset[str]], ...]] = (
    (
        WorkType.NOTICE,
        frozenset(
            {
                "published erratum",
                "retraction of publication",
                "retraction notice",
                "expression of concern",
                "correction",
                "retraction",
                "partial retraction",
                "addendum",
            }
        ),
    ),
    (WorkType.PREPRINT, frozenset({"preprint"})),
    (WorkType.PROTOCOL, frozenset({"clinical trial protocol", "study protocol", "protocol"})),
    (
        WorkType.CONFERENCE_ABSTRACT,
        frozenset({"meeting abstract", "abstract", "conference abstract"}),
    ),
    (WorkType.CASE_REPORT, frozenset({"case reports", "case report"})),
    (
        WorkType.REVIEW,
        frozenset(
            {
                "review",
                "review article",
                "systematic review",
                "meta analysis",
                "network meta analysis",
                "scoping review",
            }
        ),
    ),
    (WorkType.LETTER, frozenset({"letter", "reply"})),
    (WorkType.EDITORIAL, frozenset({"editorial"})),
    (WorkType.THESIS, frozenset({"academic dissertation", "dissertation", "thesis"})),
    (WorkType.BOOK_CHAPTER, frozenset({"book chapter", "chapter"})),
    (WorkType.BOOK, frozenset({"book", "monograph"})),
    (WorkType.DATASET, frozenset({"dataset"})),
    (
        WorkType.ARTICLE,
        frozenset(
            {
                "journal article",
                "research article",
                "brief report",
                "rapid communication",
                "randomized controlled trial",
                "controlled clinical trial",
                "pragmatic clinical trial",
                "adaptive clinical trial",
                "equivalence trial",
                "observational study",
                "comparative study",
                "multicenter study",
                "evaluation study",
                "validation study",
                "twin study",
                "practice guideline",
                "guideline",
            }
        ),
    ),
    # As our own files and those of reference managers name them.
    (WorkType.CONFERENCE_PAPER, frozenset({"conference paper", "proceedings paper"})),
    (WorkType.REPORT, frozenset({"report", "technical report"})),
    (WorkType.PATENT, frozenset({"patent"})),
    (WorkType.SOFTWARE, frozenset({"software"})),
    (WorkType.WEB_PAGE, frozenset({"web page", "webpage"})),
    # A paper in the proceedings of a congress carries "journal article" too.
    (WorkType.CONFERENCE_ABSTRACT, frozenset({"congress"})),
    (
        WorkType.OTHER,
        frozenset(
            {
                "address",
                "announcement",
                "article commentary",
                "biography",
                "book review",
                "comment",
                "interview",
                "lecture",
                "meeting report",
                "news",
                "newspaper article",
                "obituary",
                "other",
                "patient education handout",
                "personal narrative",
                "portrait",
            }
        ),
    ),
)


def work_type(names: Iterable[str]) -> WorkType | None:
    """What kind of work publication types make of it; None where none of them tells ("Research
    Support, Non-U.S. Gov't")."""
    given = {" ".join(name.lower().replace("-", " ").split()) for name in names}
    for kind, deciding in _TYPES:
        if given & deciding:
            return kind
        if kind is WorkType.ARTICLE and any(name.startswith("clinical trial") for name in given):
            return kind  # with or without its phase
    return None


def is_retracted(names: Iterable[str]) -> bool | None:
    """True where a type says the work was retracted. Its absence says nothing: None."""
    return True if any(n.strip().lower() == "retracted publication" for n in names) else None


# (kind, is_about_self). A republication is no notice: it is a report of the study like the first.
_NOTICES: Final[dict[str, tuple[NoticeKind, bool]]] = {
    "retractionin": (NoticeKind.RETRACTION, True),
    "retractionof": (NoticeKind.RETRACTION, False),
    "partialretractionin": (NoticeKind.PARTIAL_RETRACTION, True),
    "partialretractionof": (NoticeKind.PARTIAL_RETRACTION, False),
    "expressionofconcernin": (NoticeKind.CONCERN, True),
    "expressionofconcernfor": (NoticeKind.CONCERN, False),
    "erratumin": (NoticeKind.CORRECTION, True),
    "erratumfor": (NoticeKind.CORRECTION, False),
}
_REPUBLISHED: Final[dict[str, NoticeKind]] = {
    "correctedandrepublishedin": NoticeKind.CORRECTION,
    "retractedandrepublishedin": NoticeKind.RETRACTION,
}
_RELATIONS: Final[dict[str, str]] = {
    "commentin": "commented by",
    "commenton": "comment on",
    "updatein": "updated by",
    "updateof": "update of",
    "preprintin": "has preprint",
    "preprintof": "preprint of",
    "republishedin": "republished in",
    "republishedfrom": "republished from",
    "correctedandrepublishedin": "republished in",
    "correctedandrepublishedfrom": "republished from",
    "retractedandrepublishedin": "republished in",
    "retractedandrepublishedfrom": "republished from",
}


def notice_link(name: str) -> tuple[NoticeKind, bool] | None:
    """(kind, is_about_self) of a link to or from a notice: "RetractionIn", "Erratum for".

    None for every other link. The link's target is the notice, or the work it is about.
    """
    return _NOTICES.get(_link(name))


def republished_notice(name: str) -> NoticeKind | None:
    """What a work suffered that was "corrected" or "retracted and republished in" another.

    The link's target is the new article, not a notice; `relation_link` has that side of it.
    """
    return _REPUBLISHED.get(_link(name))


# How NLM abbreviates the servers whose preprints it holds.
_PREPRINT_SERVERS: Final = ("bioRxiv", "medRxiv", "ArXiv", "Res Sq", "ChemRxiv", "SSRN")


def relation_link(name: str, where: str | None = None, *, is_preprint: bool = False) -> str | None:
    """`RelationClaim.kind` of a link between two works; None for notices and what is not kept
    (associated data, summaries for patients).

    `where` is the text of the link and `is_preprint` tells of the work that has it: NLM links a
    preprint and its article with "UpdateIn" and "UpdateOf" like any other two versions.
    """
    kind = _RELATIONS.get(_link(name))
    other_is_preprint = (where or "").startswith(_PREPRINT_SERVERS)
    if kind == "updated by" and is_preprint and not other_is_preprint:
        return "preprint of"
    if kind == "update of" and other_is_preprint and not is_preprint:
        return "has preprint"
    return kind


def _link(name: str) -> str:
    return "".join(name.lower().split())


def title_as_printed(title: str | None, *, is_translated: bool) -> str | None:
    """Without what NLM adds: the full stop every title ends with, and the square brackets around a
    translation. "[Not Available]" and "[In Process Citation]" stand for no title."""
    plain = _without_full_stop(title)
    if plain and is_translated and _is_bracketed(plain):
        plain = _without_full_stop(plain[1:-1].strip())
    is_placeholder = (plain or "").strip("[]").lower() in ("not available", "in process citation")
    return None if is_placeholder else plain


def _without_full_stop(title: str | None) -> str | None:
    # An ellipsis and the stop of an abbreviation (U.S.) belong to the title.
    if title and title.endswith(".") and not re.search(r"(?:\.\.|\b[A-Za-z]\.[A-Za-z]\.)$", title):
        return title[:-1].rstrip() or None
    return title


def _is_bracketed(title: str) -> bool:
    """Whether one pair of brackets holds it all: not so in "[11C]PIB and [18F]FDG"."""
    depth = 0
    for position, character in enumerate(title):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            return position == len(title) - 1 and position > 0
    return False


# ISO 639-2, bibliographic codes, for the languages MEDLINE indexes that have a two-letter code.
_CODES: Final = (
    "afr:af alb:sq amh:am ara:ar arm:hy aze:az ben:bn bos:bs bul:bg cat:ca chi:zh cze:cs dan:da"
    " dut:nl eng:en epo:eo est:et fin:fi fre:fr geo:ka ger:de gla:gd gle:ga glg:gl gre:el heb:he"
    " hin:hi hrv:hr hun:hu ice:is ind:id ita:it jpn:ja kin:rw kor:ko lat:la lav:lv lit:lt mac:mk"
    " mal:ml mao:mi may:ms nor:no per:fa pol:pl por:pt pus:ps rum:ro rus:ru san:sa slo:sk slv:sl"
    " spa:es srp:sr swe:sv tha:th tur:tr ukr:uk urd:ur vie:vi wel:cy"
)
_LANGUAGES: Final[dict[str, str]] = dict(pair.split(":") for pair in _CODES.split())


def language(code: str | None) -> str | None:
    """ISO 639-1 for NLM's three letters ("eng" gives "en"); other codes as given. None for "und",
    which says that it is not known."""
    text = (code or "").strip().lower()
    return _LANGUAGES.get(text, text) if text not in ("", "und") else None


_SHORT_RANGE = re.compile(r"(\d+)-(\d+)")


def pages_in_full(pages: str | None) -> str | None:
    """ "475-82" as "475-482", and a range of one page as that page; anything else as given."""
    match = _SHORT_RANGE.fullmatch(pages or "")
    if match is None:
        return pages
    first, last = match.groups()
    if len(last) < len(first):
        last = first[: len(first) - len(last)] + last
    return first if first == last else f"{first}-{last}"


def nlm_language(code: str) -> str:
    """NLM's three letters for an ISO 639-1 code ("en" gives "eng"); others as given."""
    return next((nlm for nlm, iso in _LANGUAGES.items() if iso == code), code)


# Registries among PubMed's data banks whose numbers have no known pattern: kept as given.
OTHER_REGISTRIES: Final = frozenset(
    {"CRiS", "JapicCTI", "JMACCT", "JPRN", "LBCTR", "PACTR", "REPEC", "RPCEC", "SLCTR", "TCTR"}
)

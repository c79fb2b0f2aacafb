"""Are two records one work? A verdict with the evidence for and against, in words for people."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from rapidfuzz import fuzz

from kb.identity.descriptions import Description
from kb.identity.locators import Pages
from kb.identity.names import Agreement, compare_authors, fold
from kb.identity.titles import is_generic, is_once_an_issue
from kb.identity.venues import compare_venues, is_meeting, is_preprint_server, share_issn
from kb.identity.wording import EXACT, UNLIKE, Likeness, TitleComparison, are_near, compare_titles

AGAINST, UNSAID, PART, LIKELY, SAME = Agreement


class Verdict(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


class Strength(IntEnum):
    """What stands behind a verdict; where two joins exclude each other, the stronger is made."""

    DESCRIPTION = 0
    PLACE = 1
    IDENTIFIER = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """`reason` names the rule that decided. `link` says how two different works belong together
    ("preprint of", "companion paper" ...); None where they do not, or are one."""

    verdict: Verdict
    reason: str
    evidence_for: tuple[str, ...] = ()
    evidence_against: tuple[str, ...] = ()
    link: str | None = None


class Judgement(NamedTuple):
    """A verdict without its evidence in words, which takes longer to write than to find."""

    verdict: Verdict
    reason: str
    link: str | None = None
    strength: Strength = Strength.DESCRIPTION


def compare(a: Description, b: Description) -> Comparison:
    """Whether two records are one work. The order of the two does not matter."""
    facts = _Facts(a, b)
    judged = _plainly_one(a, b) or _judge(facts)
    pro, contra = _evidence(facts)
    return Comparison(judged.verdict, judged.reason, pro, contra, judged.link)


def judge(a: Description, b: Description) -> Judgement:
    """The verdict of `compare` alone."""
    return judge_alike(a, b) if is_worth_a_look(a, b) else _NOT_ALIKE


def judge_alike(a: Description, b: Description) -> Judgement:
    """The same where `is_worth_a_look` is known to be true."""
    return _plainly_one(a, b) or _judge(_Facts(a, b))


def contradiction(a: Description, b: Description) -> str | None:
    """Why two records can never be in one cluster, whatever connects them; None where they can."""
    same, against = compare_identifiers(a, b)
    if against:
        return against
    if same:
        return None
    if _pages(a, b) in (SAME, PART):
        return None
    f = _Facts(a, b)
    if f.title.apart:
        return f"in the titles {f.title.apart}"
    if f.volume is AGAINST and f.pages is AGAINST:
        return "volume and pages differ"
    if f.year is AGAINST:
        return f"years {a.year} and {b.year}"
    kind = _kinds_apart(f)
    return kind.reason if kind is not None else None


def what_contradicts(d: Description) -> Hashable:
    """All of a record that `contradiction` looks at: records alike in it contradict the same."""
    return (
        d.doi, d.pmid, d.pmcid, d.titles, d.about, d.is_flagged, d.year, d.volume, d.number,
        d.pages, d.kind, d.venues, d.isbns,
    )  # fmt: skip


def compare_identifiers(a: Description, b: Description) -> tuple[str, str]:
    """What strong identifier both have ("DOI 10..."), and which contradict ("PMID 1 against 2").

    Versions of one review or preprint have DOIs that do not contradict each other.
    """
    same = against = ""
    if a.doi and b.doi:
        if a.doi == b.doi:
            same = f"DOI {a.doi}"
        else:
            against = f"DOI {min(a.doi, b.doi)} against {max(a.doi, b.doi)}"
    if a.pmid and b.pmid:
        if a.pmid == b.pmid:
            same = same or f"PMID {a.pmid}"
        else:
            against = against or f"PMID {min(a.pmid, b.pmid)} against {max(a.pmid, b.pmid)}"
    if a.pmcid and b.pmcid:
        if a.pmcid == b.pmcid:
            same = same or f"PMCID {a.pmcid}"
        else:
            against = against or f"PMCID {min(a.pmcid, b.pmcid)} against {max(a.pmcid, b.pmcid)}"
    return same, against


# -- facts -----------------------------------------------------------------------------------------


def _plainly_one(a: Description, b: Description) -> Judgement | None:
    """The judgement where two rules hold word for word, as they do for most duplicates: the same
    title, first author, volume and first page, and the same identifier or none to compare."""
    p, q = a.pages, b.pages
    if (
        a.letters != b.letters
        or p is None
        or q is None
        or p.first != q.first
        or p.letters != q.letters
        or not a.volume
        or not b.volume
        or a.volume[0] != b.volume[0]
        or a.first_family != b.first_family
        or not a.first_family
        or not a.letters
        or a.pmid is not None
        or a.pmcid is not None
        or a.about != b.about
        or a.is_flagged != b.is_flagged
        or is_generic(a.titles[0])
        or is_generic(b.titles[0])
    ):
        return None
    if not a.doi or not b.doi:
        return _ONE_PLACE
    return _same(f"same DOI {a.doi} and title", Strength.IDENTIFIER) if a.doi == b.doi else None


def is_worth_a_look(a: Description, b: Description) -> bool:
    """Whether anything but one blocking key connects the two; most pairs end here."""
    if a.letters and b.letters and are_near(a.letters, b.letters):
        return True
    if (
        (a.doi is not None and a.doi == b.doi)
        or (a.pmid is not None and a.pmid == b.pmid)
        or (a.pmcid is not None and a.pmcid == b.pmcid)
        or (a.abstract and a.abstract == b.abstract)
    ):
        return True
    p, q = a.pages, b.pages
    if p is not None and q is not None and p.first == q.first and _volumes(a, b) >= LIKELY:
        return True
    return len(a.titles) > 1 or len(b.titles) > 1


class _Facts:
    """How two records agree, point by point. What most pairs are decided without is found when
    first asked: a slot that is empty leads to `__getattr__`, which fills it."""

    __slots__ = (
        "a", "authors", "b", "ids_against", "ids_same", "number", "pages", "title", "venue",
        "volume", "year",
    )  # fmt: skip

    authors: Agreement
    number: Agreement
    pages: Agreement
    venue: Agreement
    volume: Agreement
    year: Agreement

    def __init__(self, a: Description, b: Description) -> None:
        self.a, self.b = a, b
        self.ids_same, self.ids_against = compare_identifiers(a, b)
        self.title = _titles(a, b)

    def __getattr__(self, name: str) -> Agreement:
        found = _AGREEMENTS[name](self.a, self.b)
        setattr(self, name, found)
        return found

    @property
    def places_same(self) -> int:
        return (self.volume >= LIKELY) + (self.number >= LIKELY) + (self.pages is SAME)

    @property
    def places_against(self) -> int:
        return (self.volume is AGAINST) + (self.number is AGAINST) + (self.pages is AGAINST)

    @property
    def is_one_place(self) -> bool:
        """Volume and first page, which a venue has once."""
        return self.pages is SAME and self.volume >= LIKELY

    @property
    def is_one_range(self) -> bool:
        """Whether both give the same first and last page, three or more: several abstracts of one
        group may stand on a page, on three stands one paper."""
        p, q = self.a.pages, self.b.pages
        return (
            p is not None
            and q is not None
            and p.last is not None
            and p.first == q.first
            and p.last == q.last
            and p.last >= p.first + 2
            and not self.is_other_series
        )

    @property
    def is_other_series(self) -> bool:
        p, q = self.a.pages, self.b.pages
        return p is not None and q is not None and _other_series(p, q)

    @property
    def is_same_abstract(self) -> bool:
        """Whether the beginnings are one but for a heading ("BACKGROUND:") or a slip."""
        x, y = self.a.abstract, self.b.abstract
        return bool(x and y) and (x == y or fuzz.ratio(x, y, score_cutoff=88) > 0)

    @property
    def is_one_review(self) -> bool:
        """Whether both are versions of one Cochrane review, by its number in place of a page."""
        p, q = self.a.pages, self.b.pages
        return (
            p is not None
            and q is not None
            and p.first == q.first
            and p.letters == q.letters == "cd"
        )


def _titles(a: Description, b: Description) -> TitleComparison:
    if a.letters == b.letters and a.letters:
        return EXACT
    if not a.titles or not b.titles:
        return UNLIKE
    best = compare_titles(a.titles[0], b.titles[0], (a.letters, b.letters))
    if len(a.titles) + len(b.titles) > 2 and best.likeness is not Likeness.EXACT:
        every = [compare_titles(t, u) for t in a.titles for u in b.titles]
        best = max(every, key=lambda c: (c.likeness, not c.apart))
    return best


def _authors(a: Description, b: Description) -> Agreement:
    if a.author_text and a.author_text == b.author_text:
        return SAME if a.first_family or a.authors.families else UNSAID
    return compare_authors(a.authors, b.authors)


def _venues(a: Description, b: Description) -> Agreement:
    if len(a.venues) == 1 and len(b.venues) == 1:
        found = compare_venues(a.venues[0], b.venues[0])
    else:
        found = max((compare_venues(v, w) for v in a.venues for w in b.venues), default=UNSAID)
    if found < LIKELY and a.isbns and b.isbns and share_issn(a.isbns, b.isbns):
        return LIKELY
    return found


def _years(a: Description, b: Description) -> Agreement:
    if a.year is None or b.year is None:
        return UNSAID
    apart = abs(a.year - b.year)
    return SAME if apart == 0 else LIKELY if apart == 1 else PART if apart == 2 else AGAINST


def _volumes(a: Description, b: Description) -> Agreement:
    x, y = a.volume, b.volume
    if not x or not y:
        return UNSAID
    if x[0] == y[0]:
        return SAME
    if x[0] in y or y[0] in x:
        return LIKELY
    # Volume and issue in each other's place, the year for a volume, words for a number.
    if x[0] in b.number or y[0] in a.number:
        return UNSAID
    if str(a.year) in (x[0], y[0]) or str(b.year) in (x[0], y[0]):
        return UNSAID
    return AGAINST if x[0].isdigit() and y[0].isdigit() else UNSAID


def _numbers(a: Description, b: Description) -> Agreement:
    x, y = a.number, b.number
    if not x or not y:
        return UNSAID
    if x == y:
        return SAME
    if set(x) & set(y):
        return LIKELY
    if x[0] in b.volume or y[0] in a.volume:
        return UNSAID
    return AGAINST if x[0].isdigit() and y[0].isdigit() else UNSAID


def _other_series(p: Pages, q: Pages) -> bool:
    """Whether the letters before the pages count other pages: "S12" of a supplement, "e12"."""
    return bool(p.letters and q.letters) and p.letters[0] != q.letters[0]


def _pages(a: Description, b: Description) -> Agreement:
    """SAME: the first page is. PART: they overlap or end alike, as with a slip in one of them."""
    p, q = a.pages, b.pages
    if p is None or q is None:
        return UNSAID
    if p.first == q.first:
        return AGAINST if _other_series(p, q) else SAME
    for one, of_one, other, of_other in ((p, a, q, b), (q, b, p, a)):
        # Numbered from 1 ahead of its issue, or beside an article number.
        if one.first == 1 and (
            (one.last and one.length == other.length)
            or not (of_one.volume or of_one.number)
            or (other.last is None and one.last is not None)
        ):
            return UNSAID
        # The issue where the page should be.
        if not of_one.volume and str(one.first) in of_other.number:
            return UNSAID
    if p.last is None or q.last is None:
        return AGAINST
    is_overlap = p.last == q.last or (p.first < q.last and q.first < p.last)
    return PART if is_overlap else AGAINST


_AGREEMENTS: Final = {
    "authors": _authors, "number": _numbers, "pages": _pages, "venue": _venues,
    "volume": _volumes, "year": _years,
}  # fmt: skip


# -- kinds -----------------------------------------------------------------------------------------

_JOURNAL, _MEETING, _BOOK, _THESIS, _REPORT, _PREPRINT, _OTHER = range(7)
_CLASSES: Final = {
    "article": _JOURNAL,
    "inproceedings": _MEETING,
    "conference": _MEETING,
    "conference abstract": _MEETING,
    "conference paper": _MEETING,
    "incollection": _BOOK,
    "inbook": _BOOK,
    "book": _BOOK,
    "book chapter": _BOOK,
    "phdthesis": _THESIS,
    "mastersthesis": _THESIS,
    "thesis": _THESIS,
    "techreport": _REPORT,
    "report": _REPORT,
    "unpublished": _REPORT,
    "preprint": _PREPRINT,
    "misc": _OTHER,
    "online": _OTHER,
}
# Registrants that give DOIs to preprints alone: bioRxiv and medRxiv, arXiv, Research Square,
# SSRN, Preprints.org, ChemRxiv, OSF, Authorea.
_PREPRINT_DOI: Final = re.compile(
    r"10\.(?:1101/(?:\d{4}\.\d\d\.\d\d\.|\d{6})|48550/arxiv|21203/rs|2139/ssrn|20944/preprints|"
    r"26434/chemrxiv|31219/osf|31234/osf|22541/au)"
)

_PREPRINT_PREFIXES: Final = (
    "10.1101/", "10.48550/", "10.21203/", "10.2139/", "10.20944/", "10.26434/", "10.31219/",
    "10.31234/", "10.22541/",
)  # fmt: skip


def _class(d: Description) -> int | None:
    """What kind of publication a record says it is; None where it does not say."""
    doi = d.doi
    if doi is not None and doi.startswith(_PREPRINT_PREFIXES) and _PREPRINT_DOI.match(doi):
        return _PREPRINT
    return _class_of(d.kind, d.venues)


# Where theses are indexed, as articles by some.
_DISSERTATIONS: Final = re.compile(
    r"(?:dissertation|masters?) abstracts|dissertations? (?:&|and) theses|diss\w*\.? abstr", re.I
)


@lru_cache(maxsize=50_000)
def _class_of(kind: str, venues: tuple[str, ...]) -> int | None:
    if any(is_preprint_server(venue) for venue in venues):
        return _PREPRINT
    if any(_DISSERTATIONS.match(venue) for venue in venues):
        return _THESIS
    known = _CLASSES.get(kind)
    # Tables and reference managers call everything an article that is nothing else.
    if known in (_JOURNAL, _OTHER, None) and any(is_meeting(venue) for venue in venues):
        return _MEETING
    return known


_LINKS: Final = {
    _PREPRINT: "preprint of",
    _MEETING: "conference abstract of",
    _THESIS: "thesis version of",
    _REPORT: "working paper of",
    _BOOK: "book version of",
}


def _link(f: _Facts) -> str | None:
    """How two different works with alike titles belong together."""
    if f.authors < PART:
        return None
    x, y = _class(f.a), _class(f.b)
    if x != y:
        for kind, link in _LINKS.items():
            if kind in (x, y):
                return link
    if f.title.is_series:
        return "companion paper"
    if f.a.language and f.b.language and f.a.language != f.b.language:
        return "translation of"
    return None


_NOTICES: Final = {
    "correction of": "a correction",
    "retraction of": "a notice of retraction",
    "expression of concern about": "an expression of concern",
    "reply": "a reply",
    "comment on": "a comment",
}
_ONE_IS: Final = {
    (about, is_linked): Judgement(
        Verdict.DIFFERENT, f"one is {notice}", about if is_linked else None
    )
    for about, notice in _NOTICES.items()
    for is_linked in (True, False)
}


def _about(a: Description, b: Description) -> str:
    """How one of two is about the other; where both are about a work, the first in the list."""
    if not a.about or not b.about:
        return a.about or b.about
    return next(about for about in _NOTICES if about in (a.about, b.about))


def _kinds_apart(f: _Facts) -> Judgement | None:
    """Where one record is about the other, or a flagged or earlier state of it."""
    a, b = f.a, f.b
    if a.about != b.about and not (f.is_one_place and f.authors >= LIKELY):
        return _ONE_IS[_about(a, b), f.title.likeness > Likeness.UNLIKE]
    if a.is_flagged != b.is_flagged and not (
        f.ids_same or (f.is_one_place and f.authors >= LIKELY)
    ):
        return Judgement(
            Verdict.DIFFERENT, "one is marked as retracted or withdrawn", "retracted version of"
        )
    if f.ids_same or f.is_one_place:
        return None
    x, y = _class(a), _class(b)
    # What does not say where it appeared may be the preprint itself.
    is_said = (a.venues and b.venues) or f.ids_against
    if x != y and _PREPRINT in (x, y) and is_said and f.venue < LIKELY:
        return Judgement(Verdict.DIFFERENT, "one is a preprint", "preprint of")
    return None


# -- the rules -------------------------------------------------------------------------------------

_NOT_ALIKE: Final = Judgement(Verdict.DIFFERENT, "the titles are not alike")


def _same(reason: str, strength: Strength = Strength.DESCRIPTION) -> Judgement:
    return Judgement(Verdict.SAME, reason, None, strength)


_ONE_PLACE: Final = _same("same title, authors, volume and page", Strength.PLACE)


def _judge(f: _Facts) -> Judgement:
    alike = f.title.likeness
    if f.ids_against:
        return _by_contradiction(f)
    if _are_copies(f):
        return _same("one record twice, alike in every field", Strength.PLACE)
    if f.ids_same:
        return _by_identifier(f)
    if alike <= Likeness.LOOSE and not f.is_one_place and not f.is_same_abstract:
        return _NOT_ALIKE
    kind = _kinds_apart(f)
    if kind is not None:
        return kind
    if f.title.apart:
        return _apart(f)
    if alike <= Likeness.LOOSE:
        return _by_place(f)
    if is_generic(f.a.titles[0]) or is_generic(f.b.titles[0]):
        return _generic(f)
    return _by_description(f)


def _are_copies(f: _Facts) -> bool:
    """Whether nothing tells the records apart, and they say more than a title many works have."""
    a, b = f.a, f.b
    if (
        a.letters != b.letters
        or a.title != b.title
        or a.author_text != b.author_text
        or a.abstract != b.abstract
        or what_contradicts(a) != what_contradicts(b)
        or a.authors.families != b.authors.families
        or a.authors.initials != b.authors.initials
    ):
        return False
    if f.ids_same or a.pages:
        return True
    if not a.titles:
        return False
    told = bool(a.authors.families), a.year is not None, bool(a.venues)
    if is_generic(a.titles[0]):
        return all(told) and is_once_an_issue(a.titles[0])
    # A title alone may be no more than a topic ("Stroke rehabilitation").
    return any(told) or len(a.letters) >= 25


def _by_contradiction(f: _Facts) -> Judgement:
    """Strong identifiers differ: never one, but perhaps by a slip, or two that belong together."""
    reason = f.ids_against
    if f.title.likeness < Likeness.CLOSE:
        return Judgement(Verdict.DIFFERENT, reason)
    kind = _kinds_apart(f)
    if kind is not None:
        return kind
    if f.authors in (AGAINST, UNSAID):
        return Judgement(Verdict.DIFFERENT, reason)
    link = "update of" if f.is_one_review else _link(f)
    if (
        link is None
        and f.title.likeness >= Likeness.VARIANT
        and not f.title.apart
        and f.authors >= LIKELY
        and f.venue is not AGAINST
        and f.places_against == 0
        and f.year in (SAME, UNSAID)
    ):
        return Judgement(Verdict.UNSURE, f"alike in everything, but {reason}")
    if link is None and f.title.likeness >= Likeness.VARIANT and f.authors >= LIKELY:
        link = "version in another venue" if f.venue is AGAINST else "another in a series"
    return Judgement(Verdict.DIFFERENT, reason, link)


def _by_identifier(f: _Facts) -> Judgement:
    """One strong identifier. Sources attach it to the wrong work, and supplements have one DOI for
    all of their abstracts, so titles and people must not speak against it."""
    alike = f.title.likeness
    said = f"same {f.ids_same}"
    if not f.a.titles or not f.b.titles:
        return Judgement(Verdict.UNSURE, f"{said}, but one has no title")
    kind = _kinds_apart(f)
    if kind is not None:
        return Judgement(Verdict.UNSURE, f"{said}, but {kind.reason}", kind.link)
    is_placed = f.places_same >= 2 and f.pages is not AGAINST
    if f.title.apart and not (is_placed and f.authors >= LIKELY):
        return Judgement(Verdict.UNSURE, f"{said}, but in the titles {f.title.apart}", _link(f))
    if is_generic(f.a.titles[0]) and (f.pages is AGAINST or f.authors is AGAINST):
        return Judgement(Verdict.UNSURE, f"{said}, but a title many works have")
    if alike >= Likeness.CLOSE:
        if f.authors is AGAINST and (f.pages is AGAINST or alike < Likeness.CUT):
            return Judgement(Verdict.UNSURE, f"{said}, but other authors")
        if f.pages is AGAINST and f.volume is AGAINST:
            return Judgement(Verdict.UNSURE, f"{said}, but other volume and pages")
        return _same(f"{said} and title", Strength.IDENTIFIER)
    if f.authors >= LIKELY and (is_placed or (alike and f.year >= LIKELY and f.venue >= LIKELY)):
        return _same(f"{said} and authors; the titles differ", Strength.IDENTIFIER)
    return Judgement(Verdict.UNSURE, f"{said}, but the titles are not alike")


def _apart(f: _Facts) -> Judgement:
    """The wording makes two studies of them, unless they fill the same pages."""
    reason = f"in the titles {f.title.apart}"
    if f.is_one_place and f.authors >= LIKELY and f.venue >= PART:
        if f.title.likeness is Likeness.CUT or (f.is_one_range and f.number is not AGAINST):
            return _same(
                "same authors, journal, volume and pages; the titles differ a little",
                Strength.PLACE,
            )
        return Judgement(Verdict.UNSURE, f"same place, but {reason}")
    if f.title.likeness < Likeness.CLOSE or _have_nobody_in_common(f) or f.authors < PART:
        return Judgement(Verdict.DIFFERENT, reason)
    return Judgement(Verdict.DIFFERENT, reason, _link(f) or "companion paper")


def _have_nobody_in_common(f: _Facts) -> bool:
    """Whether that is plain before all names are read: no first author is in the other list."""
    x, y = f.a.first_family, f.b.first_family
    if not (x and y and f.a.author_text and f.b.author_text) or x == y:
        return False
    return x not in fold(f.b.author_text) and y not in fold(f.a.author_text)


def _by_place(f: _Facts) -> Judgement:
    """The titles are not alike, but the place is one, or the abstract: translated titles."""
    if f.is_same_abstract and f.authors >= LIKELY and f.year >= LIKELY:
        if f.places_against == 0 and f.venue is not AGAINST:
            return _same("same abstract, authors and year; the titles differ")
        return Judgement(Verdict.UNSURE, "same abstract and authors, but other title and place")
    if (
        not f.is_one_place
        or f.year < LIKELY
        or f.venue < LIKELY
        or f.authors < LIKELY
        or f.number is AGAINST
    ):
        return _NOT_ALIKE
    if f.is_one_range and f.a.titles and f.b.titles:
        return _same("same authors, journal, volume and pages; the titles differ", Strength.PLACE)
    return Judgement(Verdict.UNSURE, "same authors, journal, volume and page, but other titles")


def _generic(f: _Facts) -> Judgement:
    """A title many works have says nothing: place, authors and venue must all agree."""
    if f.title.likeness < Likeness.VARIANT:
        return _NOT_ALIKE
    if f.venue >= LIKELY and f.year is SAME and f.places_against == 0:
        if f.pages is SAME and (
            (f.authors >= LIKELY and (f.volume >= LIKELY or f.is_one_range))
            or (f.authors is UNSAID and f.volume >= LIKELY and f.is_one_range)
        ):
            return _same("same authors, journal, volume and page", Strength.PLACE)
        if (
            f.authors is SAME
            and f.volume >= LIKELY
            and f.number >= LIKELY
            and is_once_an_issue(f.a.titles[0])
        ):
            return _same("same authors, journal, volume and issue", Strength.PLACE)
        if f.authors >= LIKELY:
            return Judgement(Verdict.UNSURE, "a title many works have, and the page is not given")
    return Judgement(Verdict.DIFFERENT, "a title many works have, and no place in common")


def _by_description(f: _Facts) -> Judgement:
    """Alike titles that say something, and no identifier in common."""
    return (
        _in_one_place(f) or _excluded(f) or _uncontradicted(f) or _with_a_slip(f) or _undecided(f)
    )


def _in_one_place(f: _Facts) -> Judgement | None:
    alike = f.title.likeness
    is_variant = alike >= Likeness.VARIANT
    if f.is_one_review and f.authors is not AGAINST:
        return _same("versions of one Cochrane review", Strength.PLACE)
    if (
        is_variant
        and f.year is SAME
        and f.is_one_range
        and f.volume is not AGAINST
        and f.authors >= LIKELY
    ):
        return _same("same title, authors, year and pages", Strength.PLACE)
    if not f.is_one_place:
        return None
    if is_variant and f.a.first_family and f.a.first_family == f.b.first_family:
        return _ONE_PLACE
    if f.authors >= LIKELY and (f.venue is not AGAINST or is_variant):
        return _ONE_PLACE
    if f.venue >= PART and f.authors is not AGAINST and (alike >= Likeness.CUT or f.year is SAME):
        return _same("same title, journal, volume and page", Strength.PLACE)
    if f.venue >= LIKELY and is_variant and f.year >= LIKELY and f.is_one_range:
        # The authors are others, as where names are garbled; but letters under one heading share
        # a page or two.
        return _same("same title, journal, year, volume and page", Strength.PLACE)
    return None


def _excluded(f: _Facts) -> Judgement | None:
    if f.authors is AGAINST:
        if (
            f.title.likeness is Likeness.EXACT
            and _is_long(f)
            and f.venue >= LIKELY
            and f.year is SAME
            and f.places_same >= 2
            and not f.places_against
        ):
            return Judgement(Verdict.UNSURE, "same title, journal and issue, but other authors")
        return Judgement(Verdict.DIFFERENT, "other authors")
    if f.venue is AGAINST:
        link = _link(f)
        if f.title.likeness < Likeness.CUT or f.authors < LIKELY:
            return Judgement(Verdict.DIFFERENT, "another journal or meeting", link)
        if f.places_against == 0 and f.year is SAME and link is None:
            return Judgement(Verdict.UNSURE, "same title, authors and year, but another journal")
        return Judgement(
            Verdict.DIFFERENT, "another journal or meeting", link or "version in another venue"
        )
    if f.year is AGAINST and not (f.volume >= LIKELY and f.pages in (SAME, PART)):
        return Judgement(Verdict.DIFFERENT, "years far apart", _link(f))
    return None


def _uncontradicted(f: _Facts) -> Judgement | None:
    """Where neither volume, number nor pages contradict."""
    if f.places_against:
        return None
    alike, year, authors, venue = f.title.likeness, f.year, f.authors, f.venue
    is_variant = alike >= Likeness.VARIANT
    if authors >= LIKELY and venue >= LIKELY:
        if is_variant and year in (SAME, UNSAID):
            return _same("same title, authors and journal, nothing contradicts")
        if is_variant and year is LIKELY and (f.places_same or _may_be_ahead_of_print(f)):
            return _same("same title, authors and journal, published ahead of print")
        if year is SAME and authors is SAME:
            if alike is Likeness.CUT:
                return _same("same title but for its end, same authors, journal and year")
            # Another word may be another drug: companions appear in one issue, not on one page.
            if f.pages is SAME or (alike is Likeness.LONGER and f.volume >= LIKELY):
                return _same("nearly the same title, same authors, journal and year")
    if not is_variant:
        return None
    if authors >= LIKELY and f.pages is SAME and year >= LIKELY:
        return _same("same title, authors, year and page")
    if venue >= LIKELY and year is SAME and (f.places_same or _is_long(f)):
        # Authors are missing, or few in common.
        return _same("same title, journal and year, nothing contradicts")
    # Little is said, and all of it agrees.
    if authors is SAME and year is SAME:
        if venue is UNSAID and (f.places_same >= 2 or not _may_be_versions(f)):
            return _same("same title, authors and year, nothing contradicts")
        if venue is PART and len(f.a.letters) >= 25 and len(f.a.authors.families) > 1:
            return _same("same title, authors and year, and nearly the same journal")
    return None


def _with_a_slip(f: _Facts) -> Judgement | None:
    """One of volume, number and pages differs where the others agree."""
    alike, authors, venue = f.title.likeness, f.authors, f.venue
    if (
        alike >= Likeness.CLOSE
        and f.is_same_abstract
        and authors >= LIKELY
        and venue >= LIKELY
        and f.year >= LIKELY
        and f.places_against <= 1
    ):
        return _same("same abstract, authors and journal, nearly the same title")
    if alike < Likeness.VARIANT or authors < LIKELY or venue < PART:
        return None
    if f.volume >= LIKELY and f.pages is PART:
        return _same("same title, authors, journal and volume; the pages overlap")
    if f.places_against != 1 or venue < LIKELY or f.is_other_series:
        return None
    # What comes out every year has its issue and page, but another volume.
    if f.places_same >= 2 and (f.volume is not AGAINST or f.year in (SAME, UNSAID)):
        return _same("same title, authors and journal; one of volume, number and pages differs")
    if (
        f.volume >= LIKELY
        and f.year is SAME
        and authors is SAME
        and len(f.a.authors.families) >= 3
        and _is_long(f)
    ):
        return _same("same long title, authors, journal and volume; the pages differ")
    return None


def _undecided(f: _Facts) -> Judgement:
    link = _link(f)
    alike = f.title.likeness
    if alike >= Likeness.VARIANT and f.authors >= PART:
        return Judgement(Verdict.UNSURE, "same title and authors, but not the same place", link)
    if alike >= Likeness.CLOSE and f.authors >= LIKELY and f.places_against == 0:
        return Judgement(Verdict.UNSURE, "nearly the same title, same authors", link)
    if alike >= Likeness.VARIANT and f.places_against == 0 and f.year is not AGAINST:
        return Judgement(Verdict.UNSURE, "same title, but little else is said")
    return Judgement(Verdict.DIFFERENT, "too little in common", link)


def _is_long(f: _Facts) -> bool:
    """Whether the titles are such that two works hardly have them by chance."""
    return min(len(f.a.letters), len(f.b.letters)) >= 40


def _may_be_ahead_of_print(f: _Facts) -> bool:
    """Whether the earlier of two records a year apart has no place yet, or neither says one and
    the title is not one to be used every year. Meetings say the same every year and have nothing
    ahead of print, books neither."""
    if not {_class(f.a), _class(f.b)} <= {_JOURNAL, _PREPRINT, _OTHER, None}:
        return False
    x, y = (((d.volume or d.number) != (), d.pages is not None) for d in (f.a, f.b))
    if x != y:
        # The record that says less should be the earlier one.
        a, b = f.a.year, f.b.year
        return _is_long(f) or (a is not None and b is not None and (x < y) == (a < b))
    return not any(x) and _is_long(f) and f.authors is SAME and len(f.a.authors.families) > 1


def _may_be_versions(f: _Facts) -> bool:
    """Whether one may be the paper of a meeting, the report or the thesis that the other was made
    of: where no venue is given, only the kinds of the records tell."""
    x, y = _class(f.a), _class(f.b)
    return x is not None and y is not None and (x, f.a.kind == "book") != (y, f.b.kind == "book")


# -- in words --------------------------------------------------------------------------------------

_TITLES: Final = {
    Likeness.EXACT: "same title",
    Likeness.VARIANT: "same title, written differently",
    Likeness.CUT: "one title is part of the other",
    Likeness.LONGER: "nearly the same title",
    Likeness.CLOSE: "nearly the same title",
}


def _evidence(f: _Facts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    a, b = f.a, f.b
    pro: list[str] = []
    contra: list[str] = []
    if f.ids_same:
        pro.append(f"same {f.ids_same}")
    if f.ids_against:
        contra.append(f.ids_against)
    if not a.titles or not b.titles:
        contra.append("no title to compare")
    elif f.title.likeness in _TITLES:
        pro.append(_TITLES[f.title.likeness])
    else:
        contra.append("titles not alike")
    if f.title.apart:
        contra.append(f"in the titles {f.title.apart}")
    elif f.title.differing:
        contra.append(f"in the titles {f.title.differing}")
    if a.about != b.about:
        contra.append(_ONE_IS[_about(a, b), True].reason)
    _tell(pro, contra, f.authors, "authors", _people(a), _people(b))
    _tell(pro, contra, f.venue, "journal", " / ".join(a.venues), " / ".join(b.venues))
    _tell(pro, contra, f.year, "year", str(a.year), str(b.year))
    _tell(pro, contra, f.volume, "volume", " ".join(a.volume), " ".join(b.volume))
    _tell(pro, contra, f.number, "number", " ".join(a.number), " ".join(b.number))
    _tell(pro, contra, f.pages, "pages", _span(a), _span(b))
    if a.abstract and b.abstract:
        if a.abstract == b.abstract:
            pro.append("same beginning of the abstract")
        elif not fuzz.ratio(a.abstract, b.abstract, score_cutoff=60):
            contra.append("other abstracts")
    return tuple(pro), tuple(contra)


def _tell(
    pro: list[str], contra: list[str], agreement: Agreement, what: str, x: str, y: str
) -> None:
    if agreement is UNSAID:
        return
    x, y = (t if len(t) <= 80 else t[:77] + "..." for t in (x, y))
    if agreement is AGAINST or (what in ("year", "pages") and agreement is not SAME):
        contra.append(f"{what} {x} against {y}")
    elif agreement is SAME:
        pro.append(f"same {what}" + (f" {x}" if x == y and len(x) < 12 else ""))
    else:
        pro.append(f"{what} {x} and {y}")


def _people(d: Description) -> str:
    families = d.authors.families
    return ", ".join(families[:4]) + (" ..." if len(families) > 4 else "")


def _span(d: Description) -> str:
    p = d.pages
    if p is None:
        return ""
    return f"{p.letters}{p.first}" + (f"-{p.last}" if p.last is not None else "")

"""Titles: do two name one work at all, and the forms of a title that are worth comparing."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz

from kb.identity.folding import unmarked, word_set, words
from kb.identity.names import fold
from kb.models.dates import year_of
from kb.models.records import WorkRecord

# Words put before the title of a retracted or corrected work, by publishers and indexers.
_STATUS = re.compile(
    r"^\s*\[?(?:retracted(?: article)?|withdrawn|removed|expression of concern)\b[\s:.\-–—\]]*",
    re.I,
)
# token_set_ratio of one title with and without its subtitle is 100, of a title and its correction
# notice above 80; two titles on one topic by different authors reach about 60.
_AGREE = 70


def titles_agree(a: str, b: str) -> bool:
    """Whether the titles may be one, allowing for subtitles, status prefixes, case and markup."""
    plain = [words(_STATUS.sub("", title)) for title in (a, b)]
    if not all(plain):
        return True  # nothing left to compare, so nothing contradicts
    return fuzz.token_set_ratio(*plain, score_cutoff=_AGREE) > 0


def may_be_one(record: WorkRecord, other: WorkRecord) -> bool:
    """Whether two records that share an identifier can describe one work.

    Titles must agree; where they do not (a translated title), first author and year must.
    """
    titles = [t for t in (record.title, record.original_title) if t]
    others = [t for t in (other.title, other.original_title) if t]
    if not titles or not others or any(titles_agree(a, b) for a in titles for b in others):
        return True
    family, other_family = _first_family(record), _first_family(other)
    year, other_year = year_of(record.published), year_of(other.published)
    return (
        family is not None
        and family == other_family
        and year is not None
        and other_year is not None
        and abs(year - other_year) <= 1
    )


def _first_family(record: WorkRecord) -> str | None:
    if not record.authors:
        return None
    first = record.authors[0]
    name = first.family or first.name or first.collective
    return fold(name.split(",")[0].split(" ")[-1] if not first.family else name) if name else None


# -- forms ---------------------------------------------------------------------------------------

SMALL: Final = word_set("the a an of and in on at or for to by")
"""Words that exports put in and leave out."""

# Remarks of indexers, no part of the title: what is said of the record, of its language, of where
# a correction is; in round or square brackets.
_REMARK: Final = re.compile(
    r"""\s*(?:
        \[\s*(?:(?:published\s+)?(?:erratum|corrigendum|correction|retraction|comment|update)\b)[^\]]*\]
        |[\[(]\s*(?:
            (?:provisional|structured|conference|meeting|poster|oral)?\s*abstract
                (?:\s+no[:.]?\s*\w+)?
            |(?:published\s+)?erratum[^\])]*
            |see\s+comments?|corrected|review|letter|editorial|comment|in\s+process\s+citation
            |with\s+video|\d+\s+refs?\.?|(?:english|french|german|spanish|italian|portuguese|polish
            |russian|chinese|japanese|korean|turkish|dutch|danish|swedish|norwegian|czech|hungarian
            |hebrew|persian)
        )\s*[\])]
    )\.?""",
    re.I | re.X,
)
# How Web of Science and Embase name notices: "(vol 360, pg 542, 2009)", "(Blood (2009) 113 (4-9))".
_NOTICE_OF: Final = re.compile(
    r"\s*\((?:vol\.? ?\w+,? .{0,40}(?:19|20)\d\d"
    r"|[^()]{3,80}\((?:19|20)\d\d\)[^()]*(?:\([^()]*\)[^()]*)*)\)\.?\s*$",
    re.I,
)
_BRACKETED_TITLE: Final = re.compile(r"^(?P<first>.+?)\s*\[(?P<second>[^\[\]]{15,})\]\.?$")
_NO_TITLE: Final = frozenset(
    ("", "unknown", "no title", "untitled", "title not available", "no title available", "nan",
     "none", "not available", "notitle", "title", "na")
)  # fmt: skip


class Title:
    """A title read. `forms` are folded words: the title, behind it a translation or original given
    with it; none where the record has no title ("Unknown", "[No title available]"). `about` is
    how the title says that the work is about another ("correction of", "reply" ...), or empty;
    what says so is no part of the forms. `is_flagged` where the work itself is marked as retracted
    or withdrawn."""

    __slots__ = ("about", "forms", "is_flagged")

    def __init__(self, text: str, other: str = "") -> None:
        self.about = ""
        self.is_flagged = False
        if "[" in text or "(" in text or "=" in text or "<" in text:
            forms = self._read_marked(text)
        else:
            forms = [text]
        plain = [words(form) for form in forms]
        if plain[0].startswith(_FLAGS):
            self.is_flagged = True
            plain[0] = words(_STATUS.sub("", forms[0]))
        if plain[0]:
            self.about, plain[0] = _about(plain[0], self.about)
        if other:
            plain.extend(Title(other).forms)
        if len(plain) == 1:
            self.forms: tuple[str, ...] = () if plain[0] in _NO_TITLE else (plain[0],)
        else:
            self.forms = tuple(dict.fromkeys(f for f in plain if f not in _NO_TITLE))

    def _read_marked(self, text: str) -> list[str]:
        text = unmarked(text).strip()
        if text.startswith("[") and text.rstrip(".").endswith("]") and text.count("[") == 1:
            text = text.strip("[]. ")  # a translated title
        text = _REMARK.sub(" ", text).strip() or text
        if text.endswith((")", ").")) and (found := _NOTICE_OF.search(text)) and found.start():
            self.about = "correction of"
            text = text[: found.start()]
        if " = " in text:
            return [part for part in text.split(" = ") if part.strip()] or [text]
        if found := _BRACKETED_TITLE.match(text):
            return [found["first"], found["second"]]
        return [text]


_FLAGS: Final = ("retracted", "withdrawn", "removed")
_ABOUT_FIRST: Final = word_set(
    "erratum errata corrigendum corrigenda correction corrections addendum retraction notice "
    "withdrawal expression editorial author authors publisher publishers reply replies response "
    "re comment comments commentary letter invited discussion rejoinder"
)
_BEFORE_ABOUT: Final = ("a", "the", "in")
_ABOUT_LAST: Final = word_set(
    "reply response authors rejoinder comment commentary letter discussion"
)
_ABOUT: Final = (
    ("correction of", re.compile(
        r"^(?:authors? |publishers? )?(?:erratum|errata|corrigend(?:um|a)|corrections?|addendum)\b"
        r"(?: (?:to|for|of|in))?")),
    ("retraction of", re.compile(
        r"^(?:notice of retraction|retraction(?: notice)?|withdrawal)\b(?: (?:to|of|for))?")),
    ("expression of concern about", re.compile(
        r"^(?:editorial )?expression of concern\b(?: (?:to|about|on|for))?")),
    ("reply", re.compile(
        r"^(?:(?:the )?authors? (?:reply|response)|in repl(?:y|ies)|repl(?:y|ies)|response to|"
        r"(?:a |the )?(?:response|reply|rejoinder) to|reply by)\b"
        r"|\b(?:(?:the )?authors? (?:reply|response)|reply|response from the authors?|"
        r"rejoinder)$")),
    ("comment on", re.compile(
        r"^(?:re|(?:invited |editorial )?comment(?:s|ary)?|letter|discussion)"
        r"\b(?: on| to| regarding)?\b"
        r"|\b(?:comment|(?:invited )?commentary|letter|discussion)$")),
)  # fmt: skip


def _about(plain: str, known: str) -> tuple[str, str]:
    """(how the title says it is about another work, the title without saying so)."""
    first, _, rest = plain.partition(" ")
    if first in _BEFORE_ABOUT:
        first = rest.partition(" ")[0]
    if first not in _ABOUT_FIRST and plain[plain.rfind(" ") + 1 :] not in _ABOUT_LAST:
        return known, plain
    for kind, pattern in _ABOUT:
        if pattern.search(plain):
            rest = pattern.sub("", plain).strip()
            return kind, rest if len(rest) >= 12 else plain
    return known, plain


def title_letters(plain: str) -> str:
    """The words closed up, without the small ones."""
    return "".join([w for w in plain.split() if w not in SMALL])


# Titles that many works have: these say nothing without a place in a venue.
_GENERIC: Final = word_set(
    """editorial introduction foreword preface letter letters abstract abstracts summary index
    contents discussion conclusion conclusions reply response comment commentary correction erratum
    corrigendum obituary news review reviews overview perspective viewpoint contributors
    acknowledgment acknowledgments acknowledgements announcement announcements correspondence
    miscellaneous book report reports bulletin agenda program programme note notes notice
    prologue epilogue afterword appendix proceedings panel keynote poster posters issue special
    guest editors editor editorials from memoriam case images image journal club table list
    reviewers authors author minitrack track session workshop chair chairs message welcome
    annual conference meeting supplement volume paper papers number this what new research
    guidelines update updates question answer questions answers quiz"""
)


@lru_cache(maxsize=100_000)
def is_generic(plain: str) -> bool:
    """Whether works that have nothing to do with each other bear this title: "Editorial", "Letter
    to the editor", "Abstracts from the annual meeting", or one or two short words."""
    told = [w for w in plain.split() if w not in SMALL and not w.isdigit()]
    if not told or len("".join(told)) < 12:
        return True
    return all(w in _GENERIC for w in told)


_OFTEN_AN_ISSUE: Final = word_set(
    "book review reviews letter letters reply comment commentary news abstract abstracts obituary "
    "response correspondence case image images report reports note notes question answer quiz "
    "correction erratum"
)


def is_once_an_issue(plain: str) -> bool:
    """Of a generic title, whether an issue has one by the same people: an editorial, a foreword;
    but several book reviews."""
    return not any(w in _OFTEN_AN_ISSUE for w in plain.split())

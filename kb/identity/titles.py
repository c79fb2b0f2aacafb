"""Do two titles name one work? Asked after every match by identifier, because look-ups by
identifier do return other works."""

from __future__ import annotations

import re

from rapidfuzz import fuzz

from kb.identity.names import fold
from kb.models.dates import year_of
from kb.models.records import WorkRecord

# Words put before the title of a retracted or corrected work, by publishers and indexers.
_STATUS = re.compile(
    r"^\s*(?:retracted(?: article)?|withdrawn|removed|expression of concern)\b[\s:.\-–—]*", re.I
)
# token_set_ratio of one title with and without its subtitle is 100, of a title and its correction
# notice above 80; two titles on one topic by different authors reach about 60.
_AGREE = 70


def titles_agree(a: str, b: str) -> bool:
    """Whether the titles may be one, allowing for subtitles, status prefixes, case and markup."""
    plain = [_words(_STATUS.sub("", title)) for title in (a, b)]
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


def _words(title: str) -> str:
    return " ".join(fold(word) for word in re.split(r"[\W_]+", title) if fold(word))

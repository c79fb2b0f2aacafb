"""Journals, proceedings and books as exports name them: in full, abbreviated, with a subtitle."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from kb.identity.folding import word_set, words
from kb.identity.names import Agreement

_SMALL: Final = word_set(
    "the a an of and in on for to et de des der die und fur la le les del y e official"
)
# Said of proceedings in some exports and left out in others.
_PROCEEDINGS: Final = word_set(
    "proceedings proc annual meeting conf conference abstracts supplement suppl symposium online "
    "print electronic resource part series"
)
_NUMBERED: Final = re.compile(
    r"^(?:\d{1,4}(?:st|nd|rd|th)?|(?:twenty|thirty|forty|fifty|sixty)?(?:first|second|third|fourth|"
    r"fifth|sixth|seventh|eighth|ninth)|twenty|thirty|forty|fifty|sixty|tenth|eleventh|twelfth|\w+teenth|\w+tieth)$"
)
_COUNTRY: Final = re.compile(r" (?:of the )?(?:u s a|usa|united states(?: of)? america)$")
_BRACKETED: Final = re.compile(r"[(\[][^)\]]*[)\]]?")
_KNOWN_AS: Final = {
    "bmj": "british medical journal",
    "jama": "journal american medical association",
    "pnas": "proceedings national academy sciences",
    "nejm": "new england journal medicine",
}
_PREPRINTS: Final = re.compile(
    r"\b(?:arxiv|biorxiv|medrxiv|chemrxiv|psyarxiv|socarxiv|preprints?|research square|ssrn|osf|"
    r"working papers?|authorea|techrxiv|edarxiv|sportrxiv|engrxiv|discussion papers?|zenodo)\b",
    re.I,
)


@lru_cache(maxsize=100_000)
def is_preprint_server(venue: str) -> bool:
    return bool(_PREPRINTS.search(venue))


_MEETING: Final = re.compile(
    r"\b(?:conference|proceedings|symposium|workshop|congress|annual meeting|scientific meeting|"
    r"(?:ameri)?cas conference|icis|amcis|ecis|pacis|hicss|acis|lecture notes)\b",
    re.I,
)
# Journals that are called proceedings.
_NO_MEETING: Final = re.compile(r"national academy|proc(?:eedings)? (?:of the )?(?:royal|nutrition|"
                                r"ieee\b(?!.*conf))|mayo clinic|baylor", re.I)  # fmt: skip


@lru_cache(maxsize=100_000)
def is_meeting(venue: str) -> bool:
    """Whether the venue is a conference or its proceedings, by name."""
    return bool(_MEETING.search(venue)) and not _NO_MEETING.search(venue)


@lru_cache(maxsize=200_000)
def venue_words(text: str) -> tuple[str, ...]:
    """The words that tell one venue from another."""
    plain = words(_BRACKETED.sub(" ", text)) or words(text)
    plain = _KNOWN_AS.get(plain, plain)
    plain = _COUNTRY.sub("", plain) or plain
    kept = [w for w in plain.split() if w not in _SMALL and not _NUMBERED.match(w)]
    return tuple(kept or plain.split())


class _Name(NamedTuple):
    """The words of a name; what stands before its subtitle, if it has one that is none of the
    name; its words without those said of proceedings, and without saying that it is one."""

    words: tuple[str, ...]
    head: tuple[str, ...]
    core: tuple[str, ...]
    of_meeting: tuple[str, ...]


@lru_cache(maxsize=200_000)
def _name(text: str) -> _Name:
    told = venue_words(text)
    parts = _SUBTITLE.split(text.strip(), maxsplit=1)
    has_head = len(parts) == 2 and parts[0] and _OF_SUBTITLE.search(parts[1])
    return _Name(
        told,
        venue_words(parts[0]) if has_head else (),
        tuple([w for w in told if w not in _PROCEEDINGS]),
        tuple([w for w in told if w not in ("proceedings", "proc", "annual")]),
    )


@lru_cache(maxsize=500_000)
def compare_venues(a: str, b: str) -> Agreement:
    """SAME: one name, also abbreviated. LIKELY: nearly so. PART: one name goes on where the other
    ends, as with subtitles, but also with "Circulation" and "Circulation Research"."""
    if a > b:
        return compare_venues(b, a)
    one, other = _name(a), _name(b)
    x, y = one.words, other.words
    if not x or not y:
        return Agreement.UNSAID
    if x == y or _abbreviates(x, y) or _abbreviates(y, x):
        return Agreement.SAME
    if _is_initialism(x, y) or _is_initialism(y, x):
        return Agreement.LIKELY
    for head, full in ((one.head, y), (other.head, x)):
        if head and (head == full or _abbreviates(head, full) or _abbreviates(full, head)):
            return Agreement.LIKELY
    p, q = one.core, other.core
    if p and q and (p == q or _abbreviates(p, q) or _abbreviates(q, p)):
        return Agreement.LIKELY
    if _is_initialism(p, other.of_meeting) or _is_initialism(q, one.of_meeting):
        return Agreement.LIKELY
    if len(x) == len(y) == 1:
        return Agreement.AGAINST
    ours, theirs = _unmatched(x, y), _unmatched(y, x)
    if not ours and not theirs and len(x) == len(y):
        # "Journal of Information Systems" is not "Information Systems Journal".
        return Agreement.LIKELY if x[0][0] == y[0][0] else Agreement.PART
    return Agreement.PART if not ours or not theirs else Agreement.AGAINST


def _unmatched(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether a word of one name has no like in the other."""
    for w in words:
        if w in others:
            continue
        for o in others:
            if (w[0] == o[0] and (_shortens(w, o) or _shortens(o, w))) or _is_slip(w, o):
                break
        else:
            return True
    return False


def _is_slip(a: str, b: str) -> bool:
    return (
        min(len(a), len(b)) >= 5
        and abs(len(a) - len(b)) <= 1
        and OSA.distance(a, b, score_cutoff=1) <= 1
        and a.isalpha()
        and b.isalpha()
    )


_ISSN: Final = re.compile(r"\b(\d{4})-?(\d{3}[\dXx])\b")


def share_issn(a: str, b: str) -> bool:
    """Whether two fields of serial and book numbers have an ISSN in common."""
    return bool(set(_ISSN.findall(a.upper())) & set(_ISSN.findall(b.upper())))


# What the rest of a name says where it is a subtitle and not part of the name, as it is in
# "NeuroImage: Clinical".
_OF_SUBTITLE: Final = re.compile(
    r"\b(?:journal|official|publication|society|association|international|national|organ|college|"
    r"conf\w*|congress|meeting|annual|proceedings|affiliated|research ed)\b",
    re.I,
)
_SUBTITLE: Final = re.compile(
    r"\s*[:=/;]\s*|\.\s*(?=Conf|Ann|Proc|[A-Z][a-z]+ (?:of|for|and)\b)|\s+-\s+"
)


def _abbreviates(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Whether each word of one begins a word of the other, in order ("j appl physiol")."""
    if len(short) != len(full):
        return False
    if len(short) == 1 and abs(len(short[0]) - len(full[0])) == 1:
        return False  # "Cancer" and "Cancers" are two journals
    return all(_shortens(s, f) for s, f in zip(short, full, strict=True))


def _shortens(short: str, full: str) -> bool:
    if full.startswith(short):
        return True
    if len(short) < 3 or short[0] != full[0]:
        return False
    # ISO 4 also contracts: "natl" for "national", "dtsch" for "deutsche".
    rest = iter(full)
    return len(short) < len(full) and all(letter in rest for letter in short)


def _is_initialism(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Whether one word is made of the beginnings of all words of the other: "jacc", "amcis"."""
    return (
        len(short) == 1
        and 2 < len(full) <= 10
        and len(full) <= len(short[0]) <= len(full) + 2
        and _is_made_of(short[0], full)
    )


def _is_made_of(letters: str, words: tuple[str, ...]) -> bool:
    if not words:
        return not letters
    return any(
        letters[:size] == words[0][:size] and _is_made_of(letters[size:], words[1:])
        for size in (1, 2)
        if size <= len(letters)
    )

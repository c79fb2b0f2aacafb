"""Journals, proceedings and books as exports name them: in full, abbreviated, with a subtitle."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

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
    r"^(?:\d+(?:st|nd|rd|th)?|(?:twenty|thirty|forty|fifty|sixty)?(?:first|second|third|fourth|"
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


@lru_cache(maxsize=500_000)
def compare_venues(a: str, b: str) -> Agreement:
    """SAME: one name, also abbreviated. LIKELY: nearly so. PART: one name goes on where the other
    ends, as with subtitles, but also with "Circulation" and "Circulation Research"."""
    x, y = venue_words(a), venue_words(b)
    if not x or not y:
        return Agreement.UNSAID
    if x == y or _abbreviates(x, y) or _abbreviates(y, x):
        return Agreement.SAME
    if _is_initialism(x, y) or _is_initialism(y, x):
        return Agreement.LIKELY
    if any(_is_without_subtitle(p, q) for p, q in ((a, y), (b, x))):
        return Agreement.LIKELY
    p, q = (tuple(w for w in side if w not in _PROCEEDINGS) for side in (x, y))
    if p and q and (p == q or _abbreviates(p, q) or _abbreviates(q, p)):
        return Agreement.LIKELY
    if _is_initialism(p, _of_meeting(y)) or _is_initialism(q, _of_meeting(x)):
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
    return any(
        not any(w == o or _shortens(w, o) or _shortens(o, w) or _is_slip(w, o) for o in others)
        for w in words
    )


def _is_slip(a: str, b: str) -> bool:
    return (
        min(len(a), len(b)) >= 5
        and abs(len(a) - len(b)) <= 1
        and OSA.distance(a, b, score_cutoff=1) <= 1
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


def _is_without_subtitle(full: str, other: tuple[str, ...]) -> bool:
    parts = _SUBTITLE.split(full.strip(), maxsplit=1)
    if len(parts) < 2 or not parts[0] or not _OF_SUBTITLE.search(parts[1]):
        return False
    head = venue_words(parts[0])
    return head == other or _abbreviates(head, other) or _abbreviates(other, head)


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


def _of_meeting(words: tuple[str, ...]) -> tuple[str, ...]:
    """The name of a meeting without saying that these are its proceedings."""
    return tuple(w for w in words if w not in ("proceedings", "proc", "annual"))


def _is_made_of(letters: str, words: tuple[str, ...]) -> bool:
    if not words:
        return not letters
    return any(
        letters[:size] == words[0][:size] and _is_made_of(letters[size:], words[1:])
        for size in (1, 2)
        if size <= len(letters)
    )

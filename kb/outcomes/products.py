"""Normal forms of what MSC arms received: tissue, donor, route, unit and basis of the dose ...

A source's own words are kept; a normal form stands beside them, with a confidence. The terms are
data, one table per kind in the folder `products`; a term may be part of a broader one: Wharton's
jelly of the umbilical cord.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Final

from rapidfuzz import fuzz, process

from kb.outcomes.wording import Word, plain, words_of

FOLDER: Traversable = resources.files("kb.outcomes") / "products"
_LIKE: Final = 88.0  # of 100: one or two letters of "intrathecal"
_NONE_OF_IT: Final = frozenset({"no", "not", "without", "non", "never"})


class Kind(StrEnum):
    TISSUE = "tissue"
    DONOR = "donor"
    ROUTE = "route"
    DOSE_UNIT = "dose_unit"
    DOSE_BASIS = "dose_basis"
    CRYOPRESERVATION = "cryopreservation"
    SUPPLEMENT = "supplement"
    COMPARATOR = "comparator"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermDefinition:
    code: str
    name: str
    broader: str | None  # code of the term this is part of
    synonyms: tuple[str, ...]
    notes: str | None


@dataclass(frozen=True, slots=True)
class Term:
    """A normal form found in a source's words. `confidence` is 0.98 where the words are a known
    wording, 0.85 where they contain one, 0.7 where they are spelt like one."""

    code: str
    name: str
    confidence: float
    basis: str
    matched_text: str


def read_terms(kind: Kind, folder: Traversable) -> Mapping[str, TermDefinition]:
    """The terms of one kind by code. Raises ValueError for a broader term that is not there."""
    text = (folder / f"{kind}.csv").read_text(encoding="utf-8")
    found = {
        row["code"]: TermDefinition(
            code=row["code"],
            name=row["name"],
            broader=row["broader"] or None,
            synonyms=tuple(s.strip() for s in row["synonyms"].split("|") if s.strip()),
            notes=row["notes"] or None,
        )
        for row in csv.DictReader(io.StringIO(text), strict=True)
    }
    for term in found.values():
        if term.broader and term.broader not in found:
            raise ValueError(f"{kind}: {term.code} is part of {term.broader}, which is no term")
    return MappingProxyType(found)


@cache
def load_terms(kind: Kind) -> Mapping[str, TermDefinition]:
    return read_terms(kind, FOLDER)


@lru_cache(maxsize=4096)
def normalise(kind: Kind, text: str) -> tuple[Term, ...]:
    """The terms that the words name, in their order: several for "intrathecal and intravenous".
    Empty where nothing is known of them; what is denied ("no placebo") is not named."""
    text = plain(text)
    words = words_of(text)
    if not words:
        return ()
    wordings = _wordings(kind)
    whole = wordings.get("".join(word.folded for word in words))
    if whole is not None:
        return (_term(kind, whole, 0.98, f"is {whole[1]!r}", text),)
    found: dict[str, Term] = {}
    for wording, first, last in _outermost(list(_within(wordings, words))):
        if wording[0] in found or (first and words[first - 1].folded in _NONE_OF_IT):
            continue
        part = text[words[first].start : words[last - 1].end]
        found[wording[0]] = _term(kind, wording, 0.85, f"contains {wording[1]!r}", part)
    if not found:
        found = {term.code: term for term in _alike(kind, words)}
    return tuple(found.values())


def normalise_route(text: str) -> tuple[Term, ...]:
    return normalise(Kind.ROUTE, text)


def normalise_tissue(text: str) -> tuple[Term, ...]:
    return normalise(Kind.TISSUE, text)


def normalise_donor(text: str) -> tuple[Term, ...]:
    return normalise(Kind.DONOR, text)


def with_broader(kind: Kind, codes: Sequence[str]) -> frozenset[str]:
    """The codes and those of all terms they are part of."""
    known = load_terms(kind)
    found: set[str] = set()
    for code in codes:
        step: str | None = code
        while step is not None and step not in found:
            found.add(step)
            step = known[step].broader
    return frozenset(found)


def means(kind: Kind, asked: str, held: str) -> bool:
    """Whether words of a source (`held`) fall under those asked for: every term asked for is
    named, or a part of it is. "IV" asks for all that were given intravenously, alone or not."""
    wanted = {term.code for term in normalise(kind, asked) if term.confidence >= 0.85}
    if not wanted:
        return False
    return wanted <= with_broader(kind, [term.code for term in normalise(kind, held)])


_PASSAGES: Final = re.compile(
    r"^\s*(?:passages?|p)?\s*#?\s*(\d{1,2})\s*(?:(?:-|–|to|or|and|/)\s*(?:passages?|p)?\s*(\d{1,2}))?\s*$",
    re.I,
)


def normalise_passage(text: str) -> tuple[int, int] | None:
    """Lowest and highest passage of "P3-P5", "passage 2"; None where the words are more than
    that or the numbers are not in order."""
    match = _PASSAGES.match(text)
    if match is None:
        return None
    low = int(match[1])
    high = int(match[2]) if match[2] else low
    return (low, high) if low <= high else None


# -- wordings ------------------------------------------------------------------------------------

_Wording = tuple[str, str]  # code, as printed in the table


@cache
def _wordings(kind: Kind) -> Mapping[str, _Wording]:
    found: dict[str, _Wording] = {}
    for term in load_terms(kind).values():
        for text in (term.name, *term.synonyms):
            joined = "".join(word.folded for word in words_of(text))
            held = found.setdefault(joined, (term.code, text))
            if held[0] != term.code:
                raise ValueError(f"{kind}: {text!r} is a name of {held[0]} and of {term.code}")
    return found


def _is_printed_so(wording: _Wording, words: Sequence[Word]) -> bool:
    """Inside a text short acronyms count in capitals or with points: "IT", "i.t.", not "it"."""
    text = wording[1]
    if not (text.isalpha() and text.isupper() and len(text) <= 3):
        return True
    return len(words) == len(text) or words[0].printed.rstrip("s") == text


def _within(
    wordings: Mapping[str, _Wording], words: Sequence[Word]
) -> Iterator[tuple[_Wording, int, int]]:
    for first in range(len(words)):
        joined = ""
        for last in range(first + 1, min(first + 7, len(words)) + 1):
            joined += words[last - 1].folded
            wording = wordings.get(joined)
            if wording is not None and _is_printed_so(wording, words[first:last]):
                yield wording, first, last


def _outermost(
    hits: Sequence[tuple[_Wording, int, int]],
) -> Iterator[tuple[_Wording, int, int]]:
    for hit in hits:
        inside = any(
            other[1] <= hit[1] and hit[2] <= other[2] and other[2] - other[1] > hit[2] - hit[1]
            for other in hits
        )
        if not inside:
            yield hit


def _alike(kind: Kind, words: Sequence[Word]) -> Iterator[Term]:
    text = "".join(word.folded for word in words)
    if len(text) < 8:
        return
    known = [joined for joined in _wordings(kind) if len(joined) >= 8]
    near = process.extractOne(text, known, scorer=fuzz.ratio, score_cutoff=_LIKE)
    if near:
        wording = _wordings(kind)[near[0]]
        printed = " ".join(word.printed for word in words)
        yield _term(kind, wording, 0.7, f"spelt like {wording[1]!r}", printed)


def _term(kind: Kind, wording: _Wording, confidence: float, basis: str, text: str) -> Term:
    known = load_terms(kind)[wording[0]]
    return Term(known.code, known.name, confidence, basis, text)

"""Names made comparable, and lists of authors as the many exports write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from typing import Final

from rapidfuzz.distance import OSA

from kb.identity.folding import word_set, words
from kb.models.records import AuthorClaim


def fold(text: str) -> str:
    """Letters and digits only, without accents and case: for comparing names, never for showing."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


class Agreement(IntEnum):
    """How far two statements agree. UNSAID is where one side says nothing."""

    AGAINST = 0
    UNSAID = 1
    PART = 2
    LIKELY = 3
    SAME = 4


# Parts of family names that exports put first, last, in small letters, or leave out.
_PARTICLES: Final = word_set(
    "van von vom der den de del della di da dos das du la le les el al bin ibn ben ten ter te zu "
    "zur af av san santa st y e"
)
_NOT_NAMES: Final = word_set(
    "et al and others jr sr ii iii iv md phd anonymous anon unknown nan none"
)
_HEADS: Final = _PARTICLES | word_set("mc mac fitz o d l")
_SEPARATED: Final = re.compile(r"\s*;\s*|\s+(?:and|&)\s+|\s*\|\s*|\n")
_SEPARATED_BUT_BY_SEMICOLON: Final = re.compile(r"[&|\n]|\sand\s")
_OTHERWISE_SEPARATED: Final = re.compile(r"[;&|\n]|\sand\s\s|\s\sand")
_SEPARATOR: Final = re.compile(r"[;|\n]|\s(?:and|&)\s")
# "Tan A.Schulze A." and "Vernia FilippoDi Ruscio Mirko": a new name begins without a space.
_RUN_TOGETHER: Final = re.compile(r"(?<=[a-zß-öø-ÿ.])(?=[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ'’]{1,}|[A-Z]['’])")
_INITIALS: Final = re.compile(r"^(?:[A-ZÀ-ÖØ-Þ]\.?[-‐\s]?){1,4}$")


class Authors:
    """Who wrote a work, as far as one export lets it be known.

    `families` are family names in order, folded, without particles; `initials` beside them, empty
    where not known. `bag` has every word of every name, for exports that do not say which word is
    the family name; these are not `certain`. `is_cut` is True where the list says it goes on.
    """

    __slots__ = ("_bag", "_initials", "_names", "families", "is_certain", "is_cut")

    def __init__(
        self,
        names: Iterable[tuple[str, str]],
        *,
        is_certain: bool = True,
        is_cut: bool = False,
    ) -> None:
        read = [(family, name) for name in names if (family := _family(name[0]))]
        self.families = tuple([family for family, _ in read])
        self.is_certain = is_certain
        self.is_cut = is_cut
        self._names = [name for _, name in read]
        self._initials: tuple[str, ...] | None = None
        self._bag: frozenset[str] | None = None

    @property
    def initials(self) -> tuple[str, ...]:
        if self._initials is None:
            self._initials = tuple([_initials(given) for _, given in self._names])
        return self._initials

    @property
    def first_initials(self) -> str:
        return _initials(self._names[0][1])

    @property
    def bag(self) -> frozenset[str]:
        if self._bag is None:
            found = set(self.families)
            for family, given in self._names:
                found.update(_words_of_name(family))
                found.update(_words_of_name(given))
            self._bag = frozenset(found)
        return self._bag


NOBODY: Final = Authors(())
# Collaborations have thousands of authors; the first of them tell works apart.
_MOST_NAMES: Final = 15
_LONGEST_LINE: Final = 2_000


def of_claims(claims: Iterable[AuthorClaim]) -> Authors:
    """The authors of a record. A name that came whole is read as text."""
    names: list[tuple[str, str]] = []
    is_certain = True
    for claim in islice(claims, _MOST_NAMES):
        if claim.family:
            names.append((claim.family, claim.given or ""))
        elif claim.collective:
            names.append((claim.collective, ""))
        elif claim.name:
            (name, is_sure) = _one(claim.name)
            names.append(name)
            is_certain = is_certain and is_sure
    return Authors(names, is_certain=is_certain)


def of_text(text: str) -> Authors:
    """The authors of a line of text, in any of the ways exports write such lines.

    "Family, Given and Family, Given"; with semicolons; "Smith J, Jones AB"; "J. Smith, A. Jones";
    "Tan A.Schulze A."; without commas; in capitals; ended by "et al".
    """
    text = text.strip()
    is_cut = False
    if len(text) > _LONGEST_LINE:
        text = text[:_LONGEST_LINE]
    if text[-40:].lower().rstrip(". ").endswith(("et al", "others", "...", "…")):
        shorter = re.sub(
            r"[\s,;]*(?:\band\s+)?(?:\bet al|\bothers|…|\.\.\.)[.\s]*$", "", text, flags=re.I
        )
        is_cut = shorter != text
        text = shorter
    if " and " in text and not _OTHERWISE_SEPARATED.search(text):
        pieces = text.split(" and ")
    elif ";" in text and not _SEPARATED_BUT_BY_SEMICOLON.search(text):
        pieces = text.split(";")
    else:
        pieces = _SEPARATED.split(text)
    pieces = [p for p in pieces if p.strip(" ,.")]
    if len(pieces) == 1:
        pieces = _without_separators(pieces[0])
    names = []
    is_certain = True
    for piece in pieces[:_MOST_NAMES]:
        name, is_sure = _one(piece)
        names.append(name)
        is_certain = is_certain and is_sure
    return Authors(names, is_certain=is_certain, is_cut=is_cut)


def first_family(text: str) -> str:
    """The first author's family name, folded, as `of_text` finds it; the longest word of the name
    where the text does not say which it is."""
    text = text.strip()
    if len(text) > _LONGEST_LINE:
        text = text[:_LONGEST_LINE]
    comma = text.find(",")
    # "Family, Given and ..." and "Family, Given; ..." are most of what there is.
    if comma > 0 and (" and " in text or ";" in text):
        family = text[:comma]
        if ";" not in family and " and " not in family and len(family) > 2:
            found = _family(family)
            if found and found not in _PARTICLES:
                return found
    separator = _SEPARATOR.search(text)
    piece = text[: separator.start()].rstrip() if separator else text
    if len(piece) == len(text) and (
        piece.count(",") != 1 or all(map(_is_name_with_initials, piece.split(",")))
    ):
        piece = _without_separators(piece)[0]
    (family, given), is_sure = _one(piece)
    if is_sure:
        return _family(family)
    return max((_family(w) for w in (given + " " + family).split()), key=len, default="")


def _without_separators(text: str) -> list[str]:
    commas = text.count(",")
    if commas == 0:
        return _run_apart(text) if " " in text else [text]
    if commas == 1 and not all(map(_is_name_with_initials, text.split(","))):
        return [text]
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if all(" " in p or _INITIALS.match(p) is None for p in parts) and sum(
        " " in p for p in parts
    ) * 2 > len(parts):
        return parts  # "Smith J, Jones AB"
    if len(parts) % 2 == 0:
        return [f"{a}, {b}" for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts


def _run_apart(text: str) -> list[str]:
    """The names of a text in which each follows the other without a gap."""
    found: list[str] = []
    for piece in _RUN_TOGETHER.split(text):
        # "McDonald" and "DeLong" have a capital of their own.
        if found and found[-1].split()[-1:] and found[-1].split()[-1].lower() in _HEADS:
            found[-1] += piece
        elif piece.strip():
            found.append(piece)
    return found or [text]


def _one(text: str) -> tuple[tuple[str, str], bool]:
    """((family, given), whether the text says which is which)."""
    text = text.strip(" ,.")
    family, comma, given = text.partition(",")
    if comma:
        given = given.strip()
        if given.lower() in ("jr", "sr", "ii", "iii"):
            return (family, ""), True
        # "Le, Quintrec M": what stands before the comma is only a particle.
        if " " in given and family.lower() in _PARTICLES:
            family, _, given = f"{family} {given}".rpartition(" ")
        return (family, given), True
    pieces = text.split()
    if len(pieces) < 2:
        return (text, ""), True
    last, first = pieces[-1], pieces[0]
    if _INITIALS.match(last) and not (len(last) > 2 and text.isupper() and "." not in last):
        if len(pieces) == 2:
            return (first, last), first.lower() not in _PARTICLES
        cut = next(i for i in range(1, len(pieces)) if _are_initials(pieces[i:]))
        told = [p for p in pieces[:cut] if p.lower() not in _PARTICLES]
        return (" ".join(pieces[:cut]), " ".join(pieces[cut:])), len(told) == 1
    if _INITIALS.match(first):
        cut = next((i for i in range(1, len(pieces)) if not _INITIALS.match(pieces[i])), 1)
        return (" ".join(pieces[cut:]), " ".join(pieces[:cut])), True
    return (last, " ".join(pieces[:-1])), False


def _is_name_with_initials(text: str) -> bool:
    """Whether a text is a whole name, "Smith J" or "J Smith"."""
    pieces = text.split()
    return len(pieces) > 1 and any(_INITIALS.match(p) for p in (pieces[0], pieces[-1]))


def _are_initials(pieces: list[str]) -> bool:
    return all(_INITIALS.match(p) for p in pieces)


@lru_cache(maxsize=200_000)
def _family(text: str) -> str:
    if text.isalpha() and text.isascii():
        plain = [text.lower()]
    else:
        plain = words(text).split()
    kept = [w for w in plain if w not in _PARTICLES and w not in _NOT_NAMES] or [
        w for w in plain if w not in _NOT_NAMES
    ]
    return _plain_umlauts("".join(kept))


def _plain_umlauts(name: str) -> str:
    """ "mueller" and "muller" are how databases write "Müller"."""
    return name.replace("ue", "u").replace("oe", "o").replace("ae", "a") if "e" in name else name


@lru_cache(maxsize=200_000)
def _words_of_name(text: str) -> tuple[str, ...]:
    return tuple(
        _plain_umlauts(w)
        for w in words(text).split()
        if len(w) > 1 and w not in _PARTICLES and w not in _NOT_NAMES
    )


@lru_cache(maxsize=200_000)
def _initials(given: str) -> str:
    """ "Abiodun E." and "A. E." and "AE" are "ae"; small letters are names: "Ae" is "a"."""
    found = []
    for piece in re.split(r"[\s.\-‐,]+", given.strip()):
        if piece.isupper() and len(piece) <= 3:
            found.append(words(piece).replace(" ", ""))
        elif piece:
            found.append(words(piece)[:1])
    return "".join(found)


def compare_authors(a: Authors, b: Authors) -> Agreement:
    """SAME: as many as both name are the same people in the same place at the head. LIKELY: most
    are. PART: the first author or half of them. AGAINST: nobody, or the same family name with
    other initials."""
    if not a.families or not b.families:
        return Agreement.UNSAID
    if a.families == b.families:
        return _by_initials(a, b)
    few, many = (a, b) if len(a.families) <= len(b.families) else (b, a)
    if not few.is_certain and many.is_certain:
        # Which word is the family name is known of the other only.
        found = _found(many.families[: len(few.families)], few.bag)
        asked = min(len(few.families), len(many.families))
        is_first = _is_in(many.families[0], few.bag)
    else:
        asked = len(few.families)
        known = frozenset(many.families)
        found = asked if known.issuperset(few.families) else _found(few.families, many.bag)
        is_first = (
            _alike(few.families[0], many.families[0])
            if few.is_certain and many.is_certain
            else _is_in(few.families[0], many.bag)
        )
    if found == 0 and not is_first:
        return Agreement.AGAINST
    if found == asked and is_first:
        if len(few.families) == 1 and _initials_differ(a, b):
            return Agreement.AGAINST if len(many.families) == 1 else Agreement.PART
        return Agreement.SAME if asked == len(many.families) or asked >= 3 else Agreement.LIKELY
    if found == asked or (is_first and found * 3 >= asked * 2) or found * 4 >= asked * 3:
        return Agreement.LIKELY if asked > 1 else Agreement.PART
    return Agreement.PART if is_first or found * 2 >= asked else Agreement.AGAINST


def _by_initials(a: Authors, b: Authors) -> Agreement:
    if not _initials_differ(a, b):
        return Agreement.SAME
    return Agreement.LIKELY if len(a.families) >= 3 else Agreement.AGAINST


def _initials_differ(a: Authors, b: Authors) -> bool:
    """Whether the first authors' initials cannot be one person's: "K" against "J E"."""
    if not (a.is_certain and b.is_certain):
        return False
    x, y = a.first_initials, b.first_initials
    return bool(x and y) and x[0] not in y and y[0] not in x


def _found(asked: tuple[str, ...], bag: frozenset[str]) -> int:
    return sum(_is_in(name, bag) for name in asked)


def _is_in(name: str, bag: frozenset[str]) -> bool:
    if name in bag:
        return True
    # A slip in the first letter, or a half of a double name, is left to the other authors.
    first = name[0]
    return any(_alike(name, other) for other in bag if other[0] == first)


def _alike(a: str, b: str) -> bool:
    """One name with a slip of the pen, a hyphenated second half or its end cut off."""
    if a == b:
        return True
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if len(short) < 4:
        return False
    if long.startswith(short):
        return True
    return (
        len(long) - len(short) <= 2
        and OSA.distance(a, b, score_cutoff=2) <= (1 if len(long) < 8 else 2)
        and a.isalpha()  # the number of a trial in place of a name has no slips
        and b.isalpha()
    )

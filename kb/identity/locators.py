"""Where in its venue a work stands: volume, number, pages, as comparable values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_INTEGERS: Final = re.compile(r"\d+")
_PAGE: Final = re.compile(r"([a-z]{0,4})\.?\s?(\d+)([a-z]?(?:\.e?\d+)?)", re.I)
_NO_PAGES: Final = re.compile(r"no\.? ?pag|^\s*(?:pp?\.?\s*)?(?:n/?a|-+|0+(?:-0+)?|\?+)?\s*$", re.I)
_PLAIN_PAGES: Final = re.compile(r"(\d+)(?:[-–]{1,2}(\d+))?$")
_RANGE: Final = re.compile(r"\s*[-‐-―−]+\s*")


class Pages(NamedTuple):
    """`first` is the digits of the first page without zeros before them, `letters` what stands
    before them ("S", "e"); `last` is None where only one page, or an article number, is given."""

    first: int
    last: int | None
    letters: str = ""

    @property
    def length(self) -> int | None:
        return self.last - self.first + 1 if self.last is not None else None


@lru_cache(maxsize=100_000)
def pages(text: str) -> Pages | None:
    """The pages of "476-481", "476-81", "476", "S12-4", "e12345", "476-481.e3", "pp. 476–481",
    "Cd002273"; None where none are given ("no pagination")."""
    plain = _PLAIN_PAGES.match(text)
    if plain is not None and text[0] != "0":
        return _pages("", plain[1], plain[2])
    if not text or _NO_PAGES.search(text):
        return None
    text = re.sub(r"^\s*(?:pp?|pages?|art(?:icle)?(?: ?no)?)\b[.:\s]*", "", text, flags=re.I)
    found = _PAGE.search(text)
    if found is None:
        return None
    rest = _RANGE.split(text[found.end() :].split(",")[0], maxsplit=1)
    end = _PAGE.match(rest[1].strip()) if len(rest) == 2 else None
    return _pages(found[1].lower(), found[2], end[2] if end else None)


def _pages(letters: str, digits: str, tail: str | None) -> Pages:
    first = int(digits[:12])
    if tail is None:
        return Pages(first, None, letters)
    # "476-81": the last page leaves out what it shares with the first.
    if len(tail) < len(digits):
        tail = digits[: len(digits) - len(tail)] + tail
    last = int(tail[:12])
    return Pages(first, last if last >= first else None, letters)


@lru_cache(maxsize=100_000)
def volume(text: str) -> tuple[str, ...]:
    """The numbers in a volume, number or issue field in order, or its words where it has none:
    "4 (1) (no pagination)" is ("4", "1"), "Suppl 1" is ("1",), "XII" is ("12",)."""
    text = text.strip()
    if not text or text in ("-", "0", "n/a", "nan"):
        return ()
    found = tuple(n.lstrip("0") or "0" for n in _INTEGERS.findall(text))
    if found:
        return found
    word = text.lower().strip(" .")
    return (str(ROMAN[word]),) if word in ROMAN else (word,) if word.isalnum() else ()


def _roman() -> dict[str, int]:
    tens = ("", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc")
    ones = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
    return {tens[n // 10] + ones[n % 10]: n for n in range(1, 100)}


ROMAN: Final = _roman()

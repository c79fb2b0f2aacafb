"""Words of names, folded so that spellings of one wording compare equal."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PLAIN: Final = str.maketrans({"α": " alpha ", "β": " beta ", "γ": " gamma ", "&": " and "})
# British to American, as parts of words.
_SPELLINGS: Final = (
    ("haem", "hem"), ("oedem", "edem"), ("tumour", "tumor"), ("leuco", "leuko"),
    ("leukaem", "leukem"), ("anaem", "anem"), ("rrhoea", "rrhea"), ("ischaem", "ischem"),
    ("fibre", "fiber"), ("analogue", "analog"), ("isation", "ization"), ("alised", "alized"),
    ("oesoph", "esoph"), ("paed", "ped"), ("faec", "fec"), ("colour", "color"),
    ("behaviour", "behavior"), ("centre", "center"), ("metre", "meter"), ("randomis", "randomiz"),
)  # fmt: skip
_WORD: Final = re.compile(r"[^\W_]+")
_SINGULAR: Final = re.compile(r"(?<=[^\Wsui\d_])s$")


@dataclass(frozen=True, slots=True)
class Word:
    folded: str  # without case, accents, British spelling and plural
    printed: str
    start: int
    end: int


def plain(text: str) -> str:
    """The text in which the places of its words count: Greek letters spelt out."""
    return unicodedata.normalize("NFKC", text).translate(_PLAIN)


@lru_cache(maxsize=8192)
def words_of(text: str) -> tuple[Word, ...]:
    """Its words in order, at their places in `plain(text)`."""
    text = plain(text)
    return tuple(
        Word(folded(match[0]), match[0], match.start(), match.end())
        for match in _WORD.finditer(text)
    )


def folded(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(c for c in letters if not unicodedata.combining(c))
    for british, american in _SPELLINGS:
        letters = letters.replace(british, american)
    return _SINGULAR.sub("", letters) if len(letters) > 3 else letters

"""Text made comparable: what exports spell differently although it is the same."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

# Letters that Unicode does not decompose but databases write plainly, and Greek spelt out.
_PLAIN: Final = {
    "ø": "o", "œ": "oe", "æ": "ae", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon",
    "ζ": "zeta", "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "o", "π": "pi", "ρ": "rho", "σ": "sigma",
    "ς": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega",
}  # fmt: skip
# Dropped without a gap: "Alzheimer's" and "Alzheimers", "O'Neill" and "ONeill".
_CLOSED: Final = "'`´‘’ʼʹ′"


class _Folding(dict[int, str]):
    """What each character becomes, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


def _folded(char: str) -> str:
    if char in _CLOSED:
        return ""
    out = []
    # Compatibility forms hide capitals ("ϒ"), and folding makes letters to be taken apart again.
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    for c in letters:
        if unicodedata.combining(c):
            continue
        plain = _PLAIN.get(c, c)
        # A Greek letter is a word of its own: "TNF-α" and "TNFα" are "tnf alpha".
        if "\u0370" <= c <= "\u03ff" and c in _PLAIN:
            plain = f" {plain} "
        out.append(plain if plain.strip().isalnum() else " ")
    return "".join(out)


_FOLDING: Final = _Folding()
_ASCII: Final = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256)
)
_BEYOND: Final = re.compile(r"[^\x00-\x7f]")
_NO_WORD: Final = bytes(code for code in range(128) if not chr(code).isalnum())
# UTF-8 read as Windows-1252: a lead byte and one or two that continue, each as a letter or sign.
_CONTINUED: Final = (
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122]"
)
_MOJIBAKE: Final = re.compile(
    f"[\u00c2-\u00df]{_CONTINUED}|[\u00e0-\u00ef]{_CONTINUED}{_CONTINUED}"
)
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")


def words(text: str) -> str:
    """The words of a text, folded, one space between: without case, accents, punctuation, markup;
    Greek letters spelt out; text that was plainly decoded wrongly is put right."""
    if "&" in text or "<" in text:
        text = unmarked(text)
    if not text.isascii():
        text = _folded_beyond(text)
        if not text.isascii():
            return " ".join(text.split())
    return " ".join(text.encode().translate(_ASCII, b"'`").decode().split())


def closed(text: str) -> str:
    """The same without the spaces."""
    if "&" in text or "<" in text:
        text = unmarked(text)
    if not text.isascii():
        text = _folded_beyond(text)
        if not text.isascii():
            return text.replace(" ", "")
    return text.encode().translate(_ASCII, _NO_WORD).decode()


def _folded_beyond(text: str) -> str:
    """The text with what is not ASCII folded to it; all of it folded where that is not enough."""
    if _MOJIBAKE.search(text):
        text = _MOJIBAKE.sub(_repaired, text)
    plain = _BEYOND.sub(lambda found: _FOLDING[ord(found[0])], text)
    return plain if plain.isascii() else text.translate(_FOLDING)


def unmarked(text: str) -> str:
    """Without tags, with entities resolved."""
    text = html.unescape(text)
    if "&" in text:
        text = html.unescape(text)  # "&amp;beta;" was escaped twice
    # Sub- and superscripts belong to their word ("CO<sub>2</sub>"), other tags do as well.
    return _TAG.sub("", text) if "<" in text else text


def _repaired(found: re.Match[str]) -> str:
    try:
        return found[0].encode("cp1252").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return found[0]


def word_set(text: str) -> frozenset[str]:
    """A list of words as it is written down."""
    return frozenset(text.split())

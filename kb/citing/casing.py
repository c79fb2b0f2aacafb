"""Change of case over formatted text (CSL 1.0.2, "Text-case").

citeproc-py splits into words and joins with single spaces, which loses markup, quotation marks and
hyphens; here every character keeps its place and only its case changes.
"""

from __future__ import annotations

import re

from kb.citing.text import Node, Span, Text

# CSL 1.0.2, "Title Case Conversion", stop words.
_STOP_WORDS = frozenset(
    {
        "a", "an", "and", "as", "at", "but", "by", "down", "for", "from", "in", "into", "nor",
        "of", "on", "onto", "or", "over", "so", "the", "till", "to", "up", "via", "with",
        "yet",
    }
)  # fmt: skip
# The processors keep these lower too, and the test-suite expects it (flipflop_Apostrophes,
# textcase_SkipNameParticlesInTitleCase).
_STOP_WORDS |= {"about", "d", "de", "l", "van", "von"}
_WORD = re.compile(r"[^\s/\-–—\u00a0]+")


def recased(nodes: Text, case: str, english: bool) -> Text:
    """The text in the case asked for; verbatim spans stay as they are.

    Title case is English: in another language the text stays as it is.
    """
    letters: list[str] = []
    fixed: list[bool] = []
    _collect(nodes, False, letters, fixed)
    text = "".join(letters)
    if case == "title" and not english:
        return nodes
    changed = CASES[case](text, fixed)
    at = 0

    def rebuilt(nodes: list[Node]) -> Text:
        nonlocal at
        out: Text = []
        for node in nodes:
            if isinstance(node, str):
                out.append("".join(changed[at : at + len(node)]))
                at += len(node)
            else:
                inner = rebuilt(node.nodes)
                out.append(
                    Span(
                        inner, node.form, node.toggles, node.quoted, node.verbatim, node.link,
                        node.block, node.role,
                    )
                )  # fmt: skip
        return out

    return rebuilt(nodes)


def _collect(nodes: Text, verbatim: bool, letters: list[str], fixed: list[bool]) -> None:
    for node in nodes:
        if isinstance(node, str):
            letters.append(node)
            fixed.extend([verbatim] * len(node))
        else:
            # Raised, lowered and small capitals mean something as they are (test-suite,
            # ImplicitNocase).
            kept = any(name in ("vertical-align", "font-variant") for name, _ in node.form)
            _collect(node.nodes, verbatim or node.verbatim or kept, letters, fixed)


def _mapped(text: str, fixed: list[bool], change: str) -> list[str]:
    return [
        c if keep else (c.lower() if change == "lower" else c.upper())
        for c, keep in zip(text, fixed, strict=True)
    ]


def _lowercase(text: str, fixed: list[bool]) -> list[str]:
    return _mapped(text, fixed, "lower")


def _uppercase(text: str, fixed: list[bool]) -> list[str]:
    return _mapped(text, fixed, "upper")


def _capitalize_first(text: str, fixed: list[bool]) -> list[str]:
    out = list(text)
    _capitalize(out, fixed, 0, len(out))
    return out


def _capitalize(out: list[str], fixed: list[bool], start: int, end: int) -> None:
    """The first letter from `start`, past quotation marks and brackets."""
    for at in range(start, end):
        if out[at].isalnum():
            if not fixed[at] and out[at].islower():
                word_end = at
                while word_end < end and out[word_end].isalpha():
                    word_end += 1
                if all(c.islower() for c in out[at:word_end]):
                    out[at] = out[at].upper()
            return


def _capitalize_all(text: str, fixed: list[bool]) -> list[str]:
    out = list(text)
    for word in re.finditer(r"\S+", text):
        _capitalize(out, fixed, word.start(), word.end())
    return out


def _sentence(text: str, fixed: list[bool]) -> list[str]:
    # Capitals throughout become one sentence; mixed case is its author's and stays.
    out = list(text)
    if text.isupper():
        out = _mapped(text, fixed, "lower")
    _capitalize(out, fixed, 0, len(out))
    return out


def _title(text: str, fixed: list[bool]) -> list[str]:
    """Words of mixed case, in capitals throughout or with letters beyond ASCII stay as they are,
    and so do single letters: "mTOR", "MSC", "β", "y" (what the processors agree on beyond the
    specification).
    """
    out = list(text)
    words = list(_WORD.finditer(text))
    for number, word in enumerate(words):
        start, end = word.span()
        bare = word[0].strip("“”‘’\"'()[],;:.!?").lower()
        before = text[:start].rstrip("\"'“‘([ \u00a0")
        starts = not before or (before[-1] in ":?!.—" and text[start - 1] != before[-1])
        if not starts:
            is_last = number == len(words) - 1
            if (bare in _STOP_WORDS and not is_last) or len(bare) == 1:
                continue
        if bare[:1].isascii():
            _capitalize(out, fixed, start, end)
    return out


CASES = {
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "capitalize-first": _capitalize_first,
    "capitalize-all": _capitalize_all,
    "sentence": _sentence,
    "title": _title,
}

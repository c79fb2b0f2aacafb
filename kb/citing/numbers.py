"""Numbers as styles print them: is it one, ordinals, Roman, page ranges."""

from __future__ import annotations

import re
from collections.abc import Callable

# CSL 1.0.2, "Choose", is-numeric: numbers, with prefixes and suffixes ("D2", "2b", "L2d"),
# separated by # comma, hyphen or ampersand.
_NUMERIC = re.compile(r"\s*[^\s,&–-]*\d[^\s,&–-]*(?:\s*[,&–-]+\s*[^\s,&–-]*\d[^\s,&–-]*)*\s*$")
_SEVERAL = re.compile(
    r"\d[^\s,&–.-]*(?:\s*[,&–-]\s*(?:(?:and|et|und|y)\s+)?|\s+(?:and|et|und|y)\s+)[^\s,&–.-]*\d(?!\.\d)"
)


def is_numeric(text: str) -> bool:
    return bool(_NUMERIC.match(text))


def is_several(text: str) -> bool:
    """More than one number: "1, 2", "3–4"; a label in front of them stands in the plural.

    "3.8-1" is one version, "12\\-3" one page of a numbering by chapters.
    """
    return bool(_SEVERAL.search(text)) and not _DOTTED.search(text)


def roman(number: int) -> str:
    """In lower case; beyond 3999 as digits."""
    if not 0 < number < 4000:
        return str(number)
    out = []
    for letters, value in (
        ("m", 1000), ("cm", 900), ("d", 500), ("cd", 400), ("c", 100), ("xc", 90), ("l", 50),
        ("xl", 40), ("x", 10), ("ix", 9), ("v", 5), ("iv", 4), ("i", 1),
    ):  # fmt: skip
        count, number = divmod(number, value)
        out.append(letters * count)
    return "".join(out)


_DOTTED = re.compile(r"\d\.\d[\d.]*\s*-|\\-")
_RANGE = re.compile(r"^(.*\D|)(\d+)(\D*)$")
_PAGES = re.compile(r"\s*(?P<first>[^\s,&–-]+)\s*[–-]+\s*(?P<last>[^\s,&–-]+)\s*$")


def page_range(text: str, form: str, delimiter: str) -> str:
    """Pages with ranges in the form of the style (CSL 1.0.2, Appendix V "Page Range Formats").

    `form` is expanded, minimal, minimal-two, chicago, chicago-15, chicago-16, or empty: as written,
    the hyphen replaced. What is no range of two numbers with the same prefix stays as it is.
    """
    if "\\-" in text:
        return text.replace("\\-", "-")
    pieces = re.split(r"(\s*[,;&]\s*)", text)
    for at in range(0, len(pieces), 2):
        found = _PAGES.match(pieces[at])
        if found:
            first, last = found["first"], found["last"]
            pieces[at] = first + delimiter + (_last(first, last, form) if form else last)
    return re.sub(r",(?=\S)", ", ", "".join(pieces)) if len(pieces) > 1 else pieces[0]


def _last(first: str, last: str, form: str) -> str:
    a, b = _RANGE.match(first), _RANGE.match(last)
    if not a or not b or a[3] or b[3] or a[1] != b[1]:
        return last
    start, end = a[2], b[2]
    if len(end) < len(start):  # "1815–22": written short, taken whole before it is shortened again
        end = start[: len(start) - len(end)] + end
    if int(end) <= int(start):
        return last
    if form == "expanded":
        return a[1] + end
    return _shortened(start, end, form)  # S12–3, e1–8


def _shortened(start: str, end: str, form: str) -> str:
    if len(start) != len(end):
        return end
    if form.startswith("chicago"):
        number = int(start)
        if number < 100 or number % 100 == 0:
            return end
        if form != "chicago-16" and len(start) == 4 and _changed(start, end) >= 3:
            return end
        if 1 <= number % 100 <= 9:
            return end[-max(1, _changed(start, end)) :]
        return end[-max(2, _changed(start, end)) :]
    least = 2 if form == "minimal-two" else 1
    return end[-max(least, _changed(start, end)) :]


def _changed(start: str, end: str) -> int:
    """How many digits from the right there are from the first that differs."""
    for at, (a, b) in enumerate(zip(start, end, strict=True)):
        if a != b:
            return len(end) - at
    return 0


_PLAIN_RANGE = re.compile(r"(?<![\w.-])(\d+)\s*-\s*(\d+)(?![\w.-])")


def plain_range(text: str, dash: str) -> str:
    """Two bare numbers with a hyphen between them are a range; "3.8-1" and "A-2" are not."""
    return _PLAIN_RANGE.sub(rf"\1{dash}\2", text)


def tidied(text: str, change: Callable[[int], str]) -> str:
    """Numbers of a list or range changed one by one, separators in their printed form."""
    pieces = re.split(r"\s*([,&–-]+)\s*", text)
    out = []
    for at, piece in enumerate(pieces):
        if at % 2:
            out.append({",": ", ", "&": " & ", "-": "–"}.get(piece, piece))
        else:
            out.append(change(int(piece)) if piece.isdecimal() else piece)
    return "".join(out)

"""Markup into plain text: HTML, JATS, MathML and what publishers make of them."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import Final

from lxml import etree

_TOKEN = re.compile(
    r"<!--.*?(?:-->|$)"
    r"|<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|$)"
    r"|<[?!][^<>]*>"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*)(?P<attributes>\s[^<>]*?)?(?P<empty>/?)>"
    r"|</[\w.:-]*$|<[A-Za-z]+:[^<>]*$",  # cut off inside a tag
    re.S,
)
# With its semicolon only: "cells &regeneration" is not "cells ®eneration".
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Spaces of no width, soft hyphens and control characters; databases refuse NUL.
_INVISIBLE = dict.fromkeys(
    (*range(9), *range(14, 28), *range(127, 133), *range(134, 160), 0xAD, 0x200B, 0x2060, 0xFEFF)
)
_EXPONENT = re.compile(r"[+\-\u2010\u2011\u2012\u2013\u2212]?\s?\d")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BREAKING: Final = _names(
    "abstract article-title break br caption dd def-item def-list disp-formula disp-quote div dl dt"
    " fn h1 h2 h3 h4 h5 h6 hr label li list list-item ol p sec section subtitle table tbody td th"
    " thead title tr trans-abstract ul"
)
_EMPTY: Final = _names("br break hr img wbr graphic inline-graphic")
_DROPPED: Final = _names("annotation script style")
_MATH: Final = _names(
    "math mfenced mfrac mover mroot mrow msqrt mstyle msub msubsup msup munder munderover semantics"
)
_SUPERSCRIPTS: Final = frozenset({"sup", "superscript"})
_MARKUP: Final = (
    _BREAKING
    | _EMPTY
    | _DROPPED
    | _MATH
    | _SUPERSCRIPTS
    | _names(
        "a abbr b bold cite code em emph ext-link font i inf italic mi mn mo monospace mtext"
        " named-content overline roman s sans-serif sc scp small span strike strong styled-content"
        " sub tex-math tt u underline uri xref"
    )
)


def plain_text(fragment: str | None) -> str | None:
    """The text of a fragment of HTML, JATS or Crossref face markup, or None where none is left.

    Never raises: unclosed, crossed and cut-off tags are taken for what they most likely were, and
    a "<" that opens no tag stays ("p < 0.05"). Entities are resolved, also where they or the tags
    were escaped twice. White space of every kind becomes one space. A superscript number right
    after a digit becomes an exponent (10<sup>6</sup> gives 10^6, never 106); other sub- and
    superscripts join the text (CD4+, D3).
    """
    text = fragment or ""
    if "<" not in text and "&" not in text:
        return _on_one_line(text) or None
    # Each pass takes one layer of escaping off; a third layer has been seen, a fourth has not.
    for _ in range(3):
        before, text = text, _without_markup(text)
        if text == before:
            break
    return text or None


def markup(text: str | None) -> str | None:
    """Plain text as a fragment of markup, with < and & as entities, in so many layers that
    `plain_text` gives it back: what looks like a tag once it is unescaped takes one more."""
    if text is None or ("<" not in text and "&" not in text):
        return text
    escaped = html.escape(text, quote=False)
    if _TOKEN.search(text) or _ENTITY.search(text):
        meant = _on_one_line(text)
        while plain_text(escaped) != meant:
            escaped = html.escape(escaped, quote=False)
    return escaped


def element_text(element: etree._Element | None) -> str | None:
    """The text of an XML element with all its descendants, by the rules of `plain_text`; None for
    None and for an element without text. What follows the element is not part of it."""
    if element is None:
        return None
    writer = _Writer(has_math=element.find(".//{*}math") is not None)
    walk = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event == "start" and isinstance(node, etree._Entity):
            writer.write(html.unescape(node.text or ""))
        elif event == "start":
            writer.open(_local(node.tag))
            writer.write(node.text or "")
        elif event == "end" and not isinstance(node, etree._Entity):
            writer.close(_local(node.tag))
        if event != "start" and node is not element:
            writer.write(node.tail or "")
    return plain_text(writer.text())


def _on_one_line(text: str) -> str:
    """Without what is not to be seen, and white space of every kind as one space."""
    if text.isprintable():  # white space but for the space itself is not printable either
        return " ".join(text.split()) if "  " in text else text.strip(" ")
    return " ".join(text.translate(_INVISIBLE).split())


def _without_markup(text: str) -> str:
    if "<" not in text:
        return _on_one_line(_unescaped(text))
    closed = {m["name"].lower() for m in _TOKEN.finditer(text) if m["close"]}
    writer = _Writer(has_math=bool(re.search(r"<(?:mml:)?math\b", text)))
    position = 0
    for token in _TOKEN.finditer(text):
        name = (token["name"] or "").lower()
        attributes = (token["attributes"] or "").strip()
        local = name.rpartition(":")[2]
        if name and not (
            ("=" in attributes or not attributes)
            and (":" in name or local in _MARKUP or name in closed or token["empty"])
        ):
            continue  # "a <b and c> d": not a tag, left to the text around it
        writer.write(_unescaped(text[position : token.start()]))
        position = token.end()
        if token["cdata"]:
            writer.write(token["cdata"])
        elif not name:
            continue
        elif token["close"]:
            writer.close(local)
        else:
            writer.open(local)
            if token["empty"] or local in _EMPTY:
                writer.close(local)
    writer.write(_unescaped(text[position:]))
    return writer.text()


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2].rpartition(":")[2].lower()


class _Writer:
    """Puts text together while elements open and close around it."""

    def __init__(self, *, has_math: bool) -> None:
        self._names: list[str] = [""]
        self._parts: list[list[str]] = [[]]
        self._before: list[str] = [""]  # the character before each open element
        self._open: Counter[str] = Counter()
        self._last = ""
        # Beside MathML, TeX is the same formula once more.
        self._dropped = _DROPPED | {"tex-math"} if has_math else _DROPPED

    def write(self, text: str) -> None:
        if not text or (self._names[-1] in _MATH and not text.strip()):
            return
        self._parts[-1].append(text)
        self._last = text[-1]

    def open(self, name: str) -> None:
        self._names.append(name)
        self._parts.append([])
        self._before.append(self._last)
        self._open[name] += 1

    def close(self, name: str) -> None:
        """Closes the innermost such element and whatever is still open inside it."""
        if not self._open[name]:
            return
        while True:
            closing = self._names[-1]
            self._close_innermost()
            if closing == name:
                return

    def text(self) -> str:
        while len(self._names) > 1:
            self._close_innermost()
        return _on_one_line("".join(self._parts[0]))

    def _close_innermost(self) -> None:
        name, parts, before = self._names.pop(), self._parts.pop(), self._before.pop()
        self._open[name] -= 1
        if name in self._dropped:
            self._last = before
            return
        text = self._written(name, parts, before)
        if name in _BREAKING:
            text = f" {text} "
        if text:
            self._parts[-1].append(text)
            self._last = text[-1]

    @staticmethod
    def _written(name: str, parts: list[str], before: str) -> str:
        text = "".join(parts)
        if name in _SUPERSCRIPTS:
            return _power(before, text)
        if name == "msup" and len(parts) == 2:
            return parts[0] + _power(parts[0][-1:], parts[1])
        if name == "msubsup" and len(parts) == 3:
            return parts[0] + parts[1] + _power(parts[1][-1:], parts[2])
        if name == "mfrac" and len(parts) == 2:
            return "/".join(parts)
        return text


def _power(before: str, superscript: str) -> str:
    """A superscript number after a digit must not read as more digits of that number."""
    raised = superscript.strip()
    if before.isdigit() and _EXPONENT.match(raised):
        return f"^{raised}"
    return raised if before.isdigit() else superscript

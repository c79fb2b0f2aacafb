"""Formatted text: a tree of strings and spans while a reference is put together, runs when it is
done.

A style nests italics in quotes in groups with affixes, and only the finished reference shows which
characters meet: whether a full stop follows a question mark, a comma a closing quotation mark,
whether italics stand within italics. So nothing is turned into markup before `runs_of` has laid the
whole text out flat and put its punctuation in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple, TypeAlias
from unicodedata import normalize


@dataclass(slots=True, eq=False)
class Span:
    """Text that is formatted as one; `form` is pairs such as ("font-style", "italic").

    `toggles`: markup within a value, where italics inside italics stand upright (CSL 1.0.2,
    Appendix "Rich text markup"), unlike formatting by the style, where they stay italic.
    """

    nodes: list[Node]
    form: tuple[tuple[str, str], ...] = ()
    toggles: bool = False
    quoted: bool = False
    verbatim: bool = False  # no change of case: <span class="nocase">
    link: str | None = None
    block: str | None = None  # cs:display
    role: str | None = None  # what later steps look for: "names", "year", "number"


Node: TypeAlias = "str | Span"
Text: TypeAlias = list[Node]


class Delimiter(str):
    """What stands between two parts, unlike text of its own."""

    __slots__ = ()


class Quotes(NamedTuple):
    """Quotation marks of a language, and whether full stops and commas move inside them."""

    outer: tuple[str, str]
    inner: tuple[str, str]
    punctuation_inside: bool


def plain(nodes: Iterable[Node]) -> str:
    """The characters alone, quotes as straight ones, for comparing and sorting."""
    out = []
    for node in nodes:
        if isinstance(node, str):
            out.append(node)
        elif node.quoted:
            out.append('"' + plain(node.nodes) + '"')
        else:
            out.append(plain(node.nodes))
    return "".join(out)


def joined(parts: Iterable[Text], delimiter: str) -> Text:
    """The parts that hold something, with the delimiter between them.

    A part that brings a comma, semicolon or full stop along needs none: ", editor" after a title.
    """
    out: Text = []
    for part in parts:
        if part:
            if out and delimiter and _first_character(part) not in (",", ";", "."):
                out.append(Delimiter(delimiter))
            out.extend(part)
    return out


def _first_character(nodes: Iterable[Node]) -> str:
    """What the text begins with: a quotation mark for a quote, nothing where it is empty."""
    for node in nodes:
        if isinstance(node, str):
            found = node[:1]
        else:
            found = '"' if node.quoted else _first_character(node.nodes)
        if found:
            return found
    return ""


# --- reading markup and quotes in values ---

_MARKUP = re.compile(
    r"""<(?P<open>i|b|em|strong|sup|sub|sc)>|</(?P<close>i|b|em|strong|sup|sub|sc|span)>
    |<span\s+(?P<span>[^<>]*)>|(?P<quote>["'“”‘’«»„]+?)""",
    re.VERBOSE,
)
_FORMS: dict[str, tuple[str, str]] = {
    "i": ("font-style", "italic"),
    "em": ("font-style", "italic"),
    "b": ("font-weight", "bold"),
    "strong": ("font-weight", "bold"),
    "sup": ("vertical-align", "sup"),
    "sub": ("vertical-align", "sub"),
    "sc": ("font-variant", "small-caps"),
}
# Raised figures that are characters of their own become markup, as the processors have it.
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾]+")
_BEFORE_QUOTE = " \t\n\u00a0([{-–—/\"'“‘"


def read_marked(text: str) -> Text:
    """A value of an item as text: its markup as spans, its quotation marks as quotes.

    Markup that is not one of CSL's, or not closed, stays as the characters it is; a quotation mark
    without its partner stays one, a straight apostrophe becomes a typographic one.
    """
    text = _RAISED.sub(lambda found: f"<sup>{normalize('NFKC', found[0])}</sup>", text)
    if not _MARKUP.search(text):
        return [text] if text else []
    opened: list[tuple[str, str, Text]] = [
        ("", "", [])
    ]  # what closes it, how it was written, nodes
    at = 0
    for found in _MARKUP.finditer(text):
        if found.start() > at:
            opened[-1][2].append(text[at : found.start()])
        at = found.end()
        if found["open"]:
            opened.append((found["open"], found[0], []))
        elif found["span"] is not None:
            opened.append(("span", found[0], []))
        elif found["close"]:
            if any(name == found["close"] for name, _, _ in opened):
                while opened[-1][0] != found["close"]:
                    _give_up(opened)
                _close(opened)
            else:
                opened[-1][2].append(found[0])
        else:
            _quote(opened, text, found.start(), found[0])
    if at < len(text):
        opened[-1][2].append(text[at:])
    while len(opened) > 1:
        _give_up(opened)
    return opened[0][2]


def _quote(opened: list[tuple[str, str, Text]], text: str, at: int, mark: str) -> None:
    before = text[at - 1] if at else " "
    after = text[at + 1] if at + 1 < len(text) else " "
    if before == ">":  # markup is no neighbour; what stands before it is not worth finding out
        before = " " if mark in "“‘" or not _pending(opened, mark) else "x"
    single = mark in "'‘’"
    if single and before.isalnum() and (after.isalnum() or not _pending(opened, mark)):
        opened[-1][2].append("’")
    elif _pending(opened, mark) and not (before in _BEFORE_QUOTE and mark in "\"'"):
        while opened[-1][0] != _closer(mark):
            _give_up(opened)
        _close(opened)
    elif mark in "\"'“‘" and before in _BEFORE_QUOTE and not after.isspace():
        opened.append((_closer(mark), mark, []))
    else:
        opened[-1][2].append("’" if mark == "'" else mark)


def _closer(mark: str) -> str:
    return {"'": "'", '"': '"', "“": "”", "”": "”", "‘": "’", "’": "’"}.get(mark, mark)


def _pending(opened: list[tuple[str, str, Text]], mark: str) -> bool:
    return mark not in "“‘" and any(closer == _closer(mark) for closer, _, _ in opened)


def _close(opened: list[tuple[str, str, Text]]) -> None:
    name, written, nodes = opened.pop()
    if name in _FORMS:
        opened[-1][2].append(Span(nodes, (_FORMS[name],), toggles=True))
    elif name == "span":
        if "nocase" in written:
            opened[-1][2].append(Span(nodes, verbatim=True))
        elif "small-caps" in written:
            opened[-1][2].append(Span(nodes, (_FORMS["sc"],), toggles=True))
        else:
            opened[-1][2].extend(nodes)
    else:
        opened[-1][2].append(Span(nodes, toggles=True, quoted=True))


def _give_up(opened: list[tuple[str, str, Text]]) -> None:
    """What was opened and never closed is put back as it was written."""
    _, written, nodes = opened.pop()
    opened[-1][2].append("’" if written == "'" else written)
    opened[-1][2].extend(nodes)


# --- laying out ---


@dataclass(slots=True, eq=False)
class Mark:
    """One level of formatting around a run: what a reader sees, flip-flops resolved."""

    kind: str  # a key of TAGS, link or block
    value: str = ""


@dataclass(slots=True)
class Run:
    text: str
    marks: tuple[Mark, ...] = ()
    takes_in: str = ""  # of a closing quotation mark: what it may take in from behind it


_STATE_OF = {"font-style": "italic", "font-weight": "bold", "font-variant": "small-caps"}
_OFF = {"italic": "upright", "bold": "unbold", "small-caps": "uncapped"}


def runs_of(nodes: Sequence[Node], quotes: Quotes) -> list[Run]:
    """The text laid out flat, formatting resolved and punctuation in order."""
    runs: list[Run] = []
    _lay_out(nodes, quotes, (), frozenset(), 0, runs)
    done = punctuated(runs, quotes.punctuation_inside)
    while done and not done[-1].text.rstrip(" "):
        done.pop()
    if done:
        done[-1].text = done[-1].text.rstrip(" ")
    return done


def _lay_out(
    nodes: Sequence[Node],
    quotes: Quotes,
    marks: tuple[Mark, ...],
    on: frozenset[str],
    depth: int,
    out: list[Run],
) -> None:
    for node in nodes:
        if isinstance(node, str):
            if node:
                out.append(Run(node, marks))
            continue
        inside, now = marks, on
        if node.block:
            inside = (*inside, Mark("block", node.block))
        if node.verbatim:
            inside = (*inside, Mark("nocase"))
        if node.link:
            inside = (*inside, Mark("link", node.link))
        for name, value in node.form:
            state = _STATE_OF.get(name)
            if state is None:
                if value in ("sup", "sub"):
                    inside = (*inside, Mark(value))
                elif value == "underline":
                    inside = (*inside, Mark("underline"))
                continue
            wanted = value in ("italic", "oblique", "bold", "small-caps")
            if wanted and node.toggles and state in now:
                wanted = False
            if wanted and state not in now:
                inside, now = (*inside, Mark(state)), now | {state}
            elif not wanted and state in now:
                inside, now = (*inside, Mark(_OFF[state])), now - {state}
        if node.quoted:
            opening, closing = quotes.inner if depth % 2 else quotes.outer
            inside = (*inside, Mark("quote"))
            out.append(Run(opening, inside))
            _lay_out(node.nodes, quotes, inside, now, depth + 1, out)
            out.append(Run(closing, inside, ",." if node.toggles else ",.!?"))
        else:
            _lay_out(node.nodes, quotes, inside, now, depth, out)


# --- punctuation ---

# What stays where two marks meet that come from different parts of a reference; pairs that are not
# here stay as they are. The table is the one all CSL processors are tested with (test-suite,
# punctuation_FullMontyPlain).
_FIRST_STAYS = {"!.", "!:", "?.", "?:", ":.", ";.", ";:", "!!", "??", "..", "::", ";;", ",,"}
_SECOND_STAYS = {":!", ":?", ";!", ";?", "  ", " ,", " ."}
_MOVES_INTO_QUOTE = ",."


def punctuated(runs: Iterable[Run], inside_quotes: bool) -> list[Run]:
    """The runs with doubled or contradicting punctuation between them reduced.

    Only the places where two runs meet are looked at: what stands within a title is its author's.
    """
    out: list[Run] = []
    for run in runs:
        text = run.text
        while text and out:
            last = out[-1]
            if last.takes_in and text[0] in ".,!?;:":
                at = len(out) - 1
                while at and out[at].takes_in:
                    at -= 1
                inner = out[at]
                pair = inner.text[-1:] + text[0]
                if pair in _FIRST_STAYS and (inside_quotes or pair[0] in "!?"):
                    text = text[1:]
                    continue
                if inside_quotes and text[0] in last.takes_in and _stands_alone(text):
                    if pair in _SECOND_STAYS:
                        inner.text = inner.text[:-1]
                    # “Is it so?” 2020: a title that ends in a mark needs no comma after it.
                    if not (isinstance(run.text, Delimiter) and pair[0] in ".!?:;"):
                        out.insert(at + 1, Run(text[0], out[at + 1].marks))
                    text = text[1:]
                    continue
                if (
                    not inside_quotes
                    and inner.text[-1:] in _MOVES_INTO_QUOTE
                    and pair[0] == pair[1]
                ):
                    inner.text = inner.text[:-1]
                break
            pair = last.text[-1:] + text[0]
            if pair in _FIRST_STAYS:
                text = text[1:]
            elif pair in _SECOND_STAYS:
                last.text = last.text[:-1]
                if not last.text:
                    out.pop()
            else:
                break
        if text:
            out.append(Run(text, run.marks, run.takes_in))
    return out


def _stands_alone(text: str) -> bool:
    # A mark of its own, not the beginning of an abbreviation or an ellipsis.
    return len(text) == 1 or not text[1].isalnum()


# --- output ---

_SUPER = str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
_SUB = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_RAISABLE = frozenset("0123456789+-−=()")


def as_text(runs: Sequence[Run]) -> str:
    """Unformatted; raised and lowered digits as characters of their own where Unicode has them."""
    runs = _in_one_line(runs)
    out: list[str] = []
    at = 0
    while at < len(runs):
        run = runs[at]
        if any(mark.kind == "small-caps" for mark in run.marks):
            run = Run(run.text.upper(), run.marks)
        raised = next((m for m in reversed(run.marks) if m.kind in ("sup", "sub")), None)
        if raised is None:
            out.append(run.text)
            at += 1
            continue
        text = ""
        while at < len(runs) and any(m is raised for m in runs[at].marks):
            text += runs[at].text
            at += 1
        if all(c in _RAISABLE or c.isspace() for c in text) or all(
            c in _RAISABLE or c.isspace() or c in ",–" for c in text
        ):
            out.append(text.translate(_SUPER if raised.kind == "sup" else _SUB))
        else:
            out.append(f"{'^' if raised.kind == 'sup' else '_'}({text})")
    return "".join(out).strip()


def _in_one_line(runs: Sequence[Run]) -> list[Run]:
    """Blocks side by side (a number and what it numbers), a space between them."""
    out: list[Run] = []
    before: Mark | None = None
    for run in runs:
        block = next((mark for mark in run.marks if mark.kind == "block"), None)
        if out and block is not before and not out[-1].text[-1:].isspace():
            out.append(Run(" "))
        before = block
        marks = tuple(mark for mark in run.marks if mark.kind != "block")
        out.append(Run(run.text, marks, run.takes_in))
    return out


TAGS = {
    "italic": ("<em>", "</em>"),
    "bold": ("<strong>", "</strong>"),
    "sup": ("<sup>", "</sup>"),
    "sub": ("<sub>", "</sub>"),
    "small-caps": ('<span style="font-variant:small-caps;">', "</span>"),
    "underline": ('<span style="text-decoration:underline;">', "</span>"),
    "upright": ('<span style="font-style:normal;">', "</span>"),
    "unbold": ('<span style="font-weight:normal;">', "</span>"),
    "uncapped": ('<span style="font-variant:normal;">', "</span>"),
    "quote": ("<span>", "</span>"),
    "nocase": ('<span class="nocase">', "</span>"),
}


def as_html(runs: Sequence[Run]) -> str:
    """Safe to put into a page: text encoded, no markup but em, strong, sup, sub, span and a.

    Links lead to http and https addresses only (see `link_to`).
    """
    out: list[str] = []
    open_marks: tuple[Mark, ...] = ()
    for run in [*_in_one_line(runs), Run("")]:
        shared = 0
        for ours, theirs in zip(open_marks, run.marks, strict=False):
            if ours is not theirs:
                break
            shared += 1
        out.extend(_tags(mark)[1] for mark in reversed(open_marks[shared:]))
        out.extend(_tags(mark)[0] for mark in run.marks[shared:])
        out.append(escape(run.text, quote=False))
        open_marks = run.marks
    return "".join(out).strip()


def _tags(mark: Mark) -> tuple[str, str]:
    if mark.kind == "link":
        return f'<a href="{escape(mark.value)}">', "</a>"
    return TAGS[mark.kind]


_WEB = re.compile(r"https?://[^\s\x00-\x1f]+", re.IGNORECASE)


def link_to(address: str) -> str | None:
    """The address where it is one that may be linked: http or https, nothing else."""
    return address if _WEB.fullmatch(address) else None

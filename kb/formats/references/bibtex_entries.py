"""A BibTeX file taken apart into its entries, as BibTeX writes them and programs get them wrong.

The grammar is BibTeX's (B. Beeton, O. Patashnik: "Designing BibTeX styles" and "BibTeXing", 1988;
the same in the manual of BibLaTeX): entries in braces or parentheses, values in braces, in quotes,
as numbers or abbreviations, joined by "#". Text between entries is a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

# An entry with five thousand authors and an abstract has some 200 kB.
MAX_ENTRY: Final = 16_000_000

_MARK = re.compile(r"\s*@\s*([A-Za-z]+)\s*(?:[{(]|$)")
_KNOWN_MARK = re.compile(
    r"\s*@\s*(?:string|preamble|comment)\s*[{(]|\s*@\s*[A-Za-z]+\s*\{\s*[^\s,{}=]*\s*,", re.I
)
_BEGINNING = re.compile(r"@\s*([A-Za-z]+)\s*([{(])")
_NAME = re.compile(r"\s*([^\s=,{}\"#()@][^\s=,{}\"#]*)\s*=\s*")
_KEY = re.compile(r"\s*+([^,={}\"\n]*+)\s*+(,|(?=[})]\s*$))")
_KEY_WITHOUT_COMMA = re.compile(
    r"[ \t]*([^\s,={}\"]+)(?:[ \t]*\n(?=\s*[\w:.-]+\s*=)|[ \t]+(?=[\w:.-]+\s*=\s*[{\"\d]))"
)
# What a value swallows that is not closed.
_FIELD_INSIDE = re.compile(r"(?<=[},])\s*[A-Za-z][\w:+-]*\s*=\s*[{\"\d]")
_BARE = re.compile(r"[^,#{}\"\n=]*[^\s,#{}\"=]")
_BARE_IN_PARENTHESES = re.compile(r"[^,#{}\"\n=()]*[^\s,#{}\"=()]")
_SPACE = re.compile(r"[\s,]*")
_BLANK = re.compile(r"\s*")
_BRACE = re.compile(r"[{}]")
_BRACE_UNESCAPED = re.compile(r"\\[\\{}]|[{}]")
_BRACE_OR_QUOTE = re.compile(r"[{}\"]")

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry with its values as LaTeX, abbreviations put in. Names of fields are in lower case
    and in the order of the file, one as often as it stands there."""

    line: int
    type: str  # lower case
    key: str
    fields: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenEntry:
    line: int
    key: str | None
    reason: str


def entries(lines: Iterable[tuple[int, str]]) -> Iterator[Entry | BrokenEntry]:
    """The entries of a file in its order. Abbreviations are known from where they stand on.

    An entry whose braces do not close ends where the next one begins at the beginning of a line.
    """
    strings = {month: month for month in MONTHS}
    for line, text in _pieces(lines):
        yield from _Piece(line, text, strings).entries()


def _pieces(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Stretches of the file that begin at an entry and go to the next."""
    held: list[str] = []
    start = 1
    depth = 0
    size = 0
    for number, line in lines:
        if _MARK.match(line) and (depth == 0 or _KNOWN_MARK.match(line)):
            if held:
                yield start, "\n".join(held)
            held, start, depth, size = [], number, 0, 0
        elif not held and "@" not in line:
            continue  # text between entries
        elif not held:
            start, depth = number, 0
        held.append(line)
        depth += line.count("{") - line.count("}")
        size += len(line) + 1
        if size > MAX_ENTRY:
            yield start, "\n".join(held)
            held, depth, size = [], 0, 0
    if held:
        yield start, "\n".join(held)


class _Unclosed(Exception):
    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at


class _Piece:
    def __init__(self, line: int, text: str, strings: dict[str, str]) -> None:
        self._line_at = (0, line)  # a position and its line, to count on from
        self._text = text
        self._strings = strings
        self._brace = _BRACE
        self._warnings: list[str] = []

    def entries(self) -> Iterator[Entry | BrokenEntry]:
        at = 0
        while match := _BEGINNING.search(self._text, at):
            # In text between entries, addresses hold "@" as well.
            try:
                at, found = self._entry(match)
            except _Unclosed as error:
                # Programs write single braces as "\{", which BibTeX counts.
                self._brace = _BRACE_UNESCAPED
                try:
                    at, found = self._entry(match)
                except _Unclosed:
                    if match[1].lower() not in ("comment", "preamble"):
                        yield self._broken(match, error)
                    return
                finally:
                    self._brace = _BRACE
                self._warnings.clear()
            if found is not None:
                yield found

    def _line(self, at: int) -> int:
        before, line = self._line_at
        if at < before:
            return line - self._text.count("\n", at, before)
        self._line_at = (at, line + self._text.count("\n", before, at))
        return self._line_at[1]

    def _broken(self, match: re.Match[str], error: _Unclosed) -> BrokenEntry:
        key = _KEY.match(self._text, match.end())
        key_text = key[1].strip() if key else ""
        reason = f"@{match[1]} is not closed: {error} in line {self._line(error.at)}"
        if len(self._text) > MAX_ENTRY:
            reason = f"@{match[1]} is longer than {MAX_ENTRY} characters, or not closed"
        return BrokenEntry(line=self._line(match.start()), key=key_text or None, reason=reason)

    def _entry(self, match: re.Match[str]) -> tuple[int, Entry | None]:
        kind = match[1].lower()
        closing = "}" if match[2] == "{" else ")"
        if kind in ("comment", "preamble"):
            return self._closed(match.end() - 1), None
        self._warnings = []
        at = match.end()
        if kind == "string":
            at, given = self._fields(at, closing)
            self._strings.update((name, value) for name, value in given)
            return at, None
        at, key = self._key(at, closing)
        at, given = self._fields(at, closing)
        entry = Entry(
            line=self._line(match.start()),
            type=kind,
            key=key,
            fields=tuple(given),
            warnings=tuple(self._warnings),
        )
        return at, entry

    def _key(self, at: int, closing: str) -> tuple[int, str]:
        if match := _KEY.match(self._text, at):
            return match.end(), " ".join(match[1].split())
        if match := _KEY_WITHOUT_COMMA.match(self._text, at):
            self._warnings.append(f"no comma after the key {match[1]!r}")
            return match.end(), match[1]
        if not _NAME.match(self._text, at):
            # "@misc{key}", alone in a piece with more after it.
            end = re.compile(r"\s*+([^\s,={}()]*+)\s*+(?=[})])").match(self._text, at)
            if end:
                return end.end(), end[1]
        self._warnings.append("an entry without a key")
        return at, ""

    def _fields(self, at: int, closing: str) -> tuple[int, list[tuple[str, str]]]:
        fields: list[tuple[str, str]] = []
        text = self._text
        while True:
            at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
            if at >= len(text):
                if fields and (inside := _FIELD_INSIDE.search(fields[-1][1])):
                    raise _Unclosed(text.find(inside[0]) - 1, "a brace opened")
                self._warnings.append("the closing brace of the entry is missing")
                return at, fields
            if text[at] == closing or text[at] == "}":
                return at + 1, fields
            match = _NAME.match(text, at)
            if match is None:
                at = self._skipped(at, closing)
                continue
            at, value = self._value(match.end(), closing)
            fields.append((match[1].lower(), value))
            after = _BLANK.match(text, at).end()  # type: ignore[union-attr]
            if after < len(text) and text[after] not in (",", closing, "}"):
                if _NAME.match(text, after):
                    self._warnings.append(f"no comma after {match[1]}")
                else:
                    at = self._skipped(after, closing)

    def _skipped(self, at: int, closing: str) -> int:
        """Where the next field begins, or the entry ends, after what is neither."""
        start = at
        text = self._text
        while at < len(text) and text[at] not in (",", closing, "}"):
            at = self._closed(at) if text[at] == "{" else at + 1
        shown = " ".join(text[start:at].split())
        self._warnings.append(f"not understood, left out: {shown[:80]!r}")
        return at

    def _value(self, at: int, closing: str) -> tuple[int, str]:
        parts: list[str] = []
        bare = _BARE if closing == "}" else _BARE_IN_PARENTHESES
        text = self._text
        while True:
            at = _BLANK.match(text, at).end()  # type: ignore[union-attr]
            first = text[at : at + 1]
            if first == "{":
                end = self._closed(at)
                parts.append(text[at + 1 : end - 1])
            elif first == '"':
                end = self._quoted(at)
                parts.append(text[at + 1 : end - 1])
            elif match := bare.match(text, at):
                end = match.end()
                parts.append(self._abbreviation(match[0]))
            else:
                return at, "".join(parts)
            after = _BLANK.match(text, end).end()  # type: ignore[union-attr]
            if text[after : after + 1] != "#":
                return end, "".join(parts)
            at = after + 1

    def _abbreviation(self, written: str) -> str:
        known = self._strings.get(written.lower())
        if known is None and not written.isdigit():
            self._warnings.append(f"abbreviation {written[:60]!r} is not defined; kept as text")
        return written if known is None else known

    def _closed(self, at: int) -> int:
        """Position after the bracket that closes the one at `at`."""
        if self._text[at] == "(":
            return self._parenthesis(at)
        depth = 0
        for match in self._brace.finditer(self._text, at):
            mark = match[0]
            if mark == "{":
                depth += 1
            elif mark == "}":
                depth -= 1
                if depth == 0:
                    return match.end()
        raise _Unclosed(at, "a brace opened")

    def _parenthesis(self, at: int) -> int:
        depth = 0
        for match in re.compile(r"[{}()]").finditer(self._text, at + 1):
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if match[0] == ")" and depth == 0:
                return match.end()
        raise _Unclosed(at, "a parenthesis opened")

    def _quoted(self, at: int) -> int:
        depth = 0
        for match in _BRACE_OR_QUOTE.finditer(self._text, at + 1):
            if match[0] == "{":
                depth += 1
            elif match[0] == "}":
                depth -= 1
            elif depth <= 0:
                return match.end()
        raise _Unclosed(at, "a quote opened")

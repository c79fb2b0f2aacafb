"""JSON files record by record: the objects of an array, found without reading the whole of it.

Reference managers and interfaces deliver records as one array, as an array inside an object
({"items": [...]}, {"message": {"items": [...]}}, {"results": [...]}), as one object, or as one
object per line (JSON Lines). A file may be larger than memory, and one broken record must not hide
those after it, so records are cut apart by their brackets and parsed one by one.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import orjson

from kb.formats.references.reading import decoded

# A work with five thousand authors, their affiliations and all its references has some 3 MB.
MAX_ITEM: Final = 32_000_000
# Works nest some ten deep; what nests a hundred times deeper would exhaust the stack.
_MAX_DEPTH: Final = 200
_TOO_DEEP: Final = f"nested more than {_MAX_DEPTH} deep"
_PIECE: Final = 1 << 20
# How many bytes of records without an end are gone through again for what follows their beginning.
_MAX_SECOND_LOOKS: Final = 100_000_000

# A string never holds a line break, so that one which is not closed ends with its line. What the
# piece at hand cuts off ends with it (\Z).
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+\\?(?:(?P<closed>["\n])|\Z)|[\[\]{}]')
_STRINGS_AND_COMMAS = re.compile(r'"(?:[^"\\]++|\\.)*+"|,(?=\s*[}\]])', re.S)
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\\n]*"')
_CONTAINER = re.compile(rb'"(?:items|results|message|records|references|data)"')
_BETWEEN = b" \t\r\n,][}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One record of a file. `error` says why it is no JSON object; then `value` is empty."""

    number: int  # from 1
    line: int  # where it begins, from 1
    value: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def position(self) -> str:
        return f"record {self.number} (line {self.line})"


def items(stream: BinaryIO) -> Iterator[Item]:
    """The records of a JSON or JSON Lines file in its order, each read or with what is wrong.

    Memory holds one record. Commas before a closing bracket and control characters in strings are
    passed over; bytes that are not UTF-8 are read as Windows-1252.
    """
    yield from _Reader(stream).read()


def as_json(value: Any) -> bytes:
    """The value as strict JSON. Half of a surrogate pair, which UTF-8 cannot hold, becomes "?"."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False).encode(errors="replace")


class _Reader:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._held = b""
        self._at = 0  # what lies before in `_held` is done with
        self._line = 1  # of `_at`
        self._number = 0
        self._is_over = False
        self._second_looks = _MAX_SECOND_LOOKS
        self._depth = 0  # of the object at hand, at its deepest
        self._usual: list[bytes] = []  # how the last whole record began
        self._decoder: codecs.IncrementalDecoder | None = None

    def read(self) -> Iterator[Item]:
        self._begin()
        in_container = self._enter_container()
        while (start := self._next_object()) is not None:
            between = self._held[self._at : start]
            if in_container and between.lstrip(b" \t\r\n,").startswith(b"]"):
                return  # what follows the array of records says something of the file
            stray = between.strip(_BETWEEN)
            if stray and not in_container:
                yield self._item(error=f"not a record: {_shown(stray)}")
            self._advance(start)
            if quick := self._parsed_at_once():
                value, end = quick
                if first := _FIRST_KEY.match(self._held, self._at):
                    self._usual = first[0].split()
                yield self._item(value=_unwrapped(value))
                self._advance(end)
                continue
            end, is_whole = self._end_of_object()
            raw = self._held[self._at : end]
            value, error = _parsed(raw) if self._depth <= _MAX_DEPTH else ({}, _TOO_DEEP)
            if error is None:
                if first := _FIRST_KEY.match(raw):
                    self._usual = first[0].split()
                yield self._item(value=_unwrapped(value))
            else:
                if not is_whole and end - self._at >= MAX_ITEM:
                    error = f"longer than {MAX_ITEM} bytes, or not closed"
                elif not is_whole:
                    error = f"the record is not closed; {error}"
                yield self._item(error=error)
                end = self._resumed(raw, end)
            self._advance(end)
        if not in_container and (stray := self._held[self._at :].strip(_BETWEEN)):
            yield self._item(error=f"not a record: {_shown(stray)}")

    # The bytes at hand

    def _begin(self) -> None:
        self._more()
        if self._held.startswith(codecs.BOM_UTF8):
            self._at = len(codecs.BOM_UTF8)
        elif self._held.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self._decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
            self._held = self._decoder.decode(self._held).encode(errors="replace")

    def _more(self) -> bool:
        """Whether there was more to read. Positions count from the new `_at`, which is 0."""
        if self._is_over:
            return False
        piece = self._stream.read(_PIECE)
        if not piece:
            self._is_over = True
            return False
        if self._decoder is not None:
            piece = self._decoder.decode(piece).encode(errors="replace")
        self._held = self._held[self._at :] + piece
        self._at = 0
        return True

    def _advance(self, to: int) -> None:
        self._line += self._held.count(b"\n", self._at, to)
        self._at = to

    def _item(self, *, value: dict[str, Any] | None = None, error: str | None = None) -> Item:
        self._number += 1
        line = self._line
        if error and error.startswith("not a record"):
            # Where it stands, not the end of the record before.
            gap = self._held[self._at :]
            line += gap.count(b"\n", 0, len(gap) - len(gap.lstrip(_BETWEEN)))
        return Item(number=self._number, line=line, value=value or {}, error=error)

    # Where records begin and end

    def _enter_container(self) -> bool:
        """Goes to the array of records inside of an outer object. False where there is none: then
        the file is an array, lines or one record."""
        while True:
            first = self._next_object()
            if first is None or self._held[self._at : first].strip(b" \t\r\n"):
                return False
            found = self._container_within(first)
            if found is not None or self._is_over or len(self._held) > MAX_ITEM:
                break
            self._more()
        if not found:
            return False
        self._advance(found)
        return True

    def _container_within(self, first: int) -> int | None:
        """Position after the bracket that opens the array of records in the object at `first`; 0
        where it has none, None where more must be read to know."""
        depth = 0
        inside = 1  # how deep the object is whose keys count
        for match in _TOKEN.finditer(self._held, first):
            token = self._held[match.start()]
            if token in b"[{":
                depth += 1
            elif token in b"]}":
                depth -= 1
                if depth < inside:
                    return 0
            elif match["closed"] is None:
                return None
            elif depth == inside and _CONTAINER.fullmatch(match[0]):
                after = re.compile(rb"\s*:\s*(.)").match(self._held, match.end())
                if after is None:
                    return None
                if after[1] == b"[":
                    return after.end()
                if after[1] == b"{" and match[0] == b'"message"':
                    inside += 1
        return None

    def _next_object(self) -> int | None:
        while (found := self._held.find(b"{", self._at)) < 0:
            if len(self._held) - self._at > MAX_ITEM or not self._more():
                return None
        return found

    def _parsed_at_once(self) -> tuple[dict[str, Any], int] | None:
        """The object at `_at` and its end, where that is soon found: at the end of the line, or
        before the next object that begins like it. None where brackets must be counted."""
        at, held = self._at, self._held
        line_end = held.find(b"\n", at)
        if 0 <= line_end < at + _PIECE // 4:
            end = at + len(held[at:line_end].rstrip(b" \t\r,"))
        else:
            first = _FIRST_KEY.match(held, at)
            end = held.find(b"}," + first[0], at) + 1 if first else 0
        if held[end - 1 : end] != b"}":
            return None
        try:
            value = orjson.loads(held[at:end])
            orjson.dumps(value)  # refuses what nests too deep
        except (ValueError, TypeError):
            return None
        return value, end

    def _end_of_object(self) -> tuple[int, bool]:
        """Where the object at `_at` ends, and whether it does; else where it was given up."""
        start_of_line = self._held.rfind(b"\n", 0, self._at) + 1
        indent: bytes | None = self._held[start_of_line : self._at]
        if indent is None or indent.strip():
            indent = None
        self._depth = depth = 0
        at = 0  # from `_at`
        while True:
            base = self._at
            held = self._held
            again = False
            for match in _TOKEN.finditer(held, base + at):
                token = held[match.start()]
                if token == 0x7B or token == 0x5B:  # { [
                    if (
                        token == 0x7B
                        and depth
                        and indent is not None
                        and held.endswith(b"\n" + indent, base, match.start())
                        and self._begins_alike(match.start())
                    ):
                        # The next record begins where records do, and this one was never closed.
                        return match.start(), False
                    depth += 1
                    self._depth = max(self._depth, depth)
                elif token == 0x22:  # "
                    if match["closed"] is None and not self._is_over:
                        at = match.start() - base
                        again = True
                        break
                else:
                    depth -= 1
                    if depth == 0:
                        return match.end(), True
                at = match.end() - base
            if not again:
                at = len(held) - base
            if len(held) - base > MAX_ITEM:
                return len(held), False
            if not self._more():
                if again:
                    continue
                return len(self._held), False

    def _begins_alike(self, other: int) -> bool:
        own = _FIRST_KEY.match(self._held, self._at)
        found = _FIRST_KEY.match(self._held, other)
        alike = own[0].split() if own else self._usual
        return bool(found and alike == found[0].split())

    def _resumed(self, raw: bytes, end: int) -> int:
        """Where reading goes on after a broken record: at the next that begins like it, if it took
        such a one for a part of itself."""
        own = _FIRST_KEY.match(raw)
        if own is None or self._second_looks <= 0:
            return end
        key = own[0][1:].strip()
        pattern = re.compile(rb"[\]}]\s*,?\s*(\{\s*" + re.escape(key) + rb"\s*:)")
        found = pattern.search(raw, own.end())
        if found is None:
            return end
        self._second_looks -= len(raw)
        return self._at + found.start(1)


def _parsed(raw: bytes) -> tuple[dict[str, Any], str | None]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        said = str(error)
        text = decoded(raw)
        text = _STRINGS_AND_COMMAS.sub(lambda m: m[0] if m[0] != "," else "", text)
        try:
            # Written and read again, it holds nothing that a strict file could not.
            value = orjson.loads(as_json(json.loads(text, strict=False)))
        except (ValueError, RecursionError):
            return {}, f"not JSON: {said} of the record"
    return (value, None) if isinstance(value, dict) else ({}, "not an object")


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Crossref answers about one work with the work inside of a message."""
    inner = value.get("message")
    return inner if isinstance(inner, dict) and "message-type" in value else value


def _shown(raw: bytes) -> str:
    text = decoded(raw[:60])
    return repr(text if len(raw) <= 60 else text + "...")

"""RIS files as databases and reference managers write them, and as the format has it.

What is read leniently: tags with fewer spaces, in lower case or indented, values on several lines
with or without indentation, records without ER or without TY, text between records, synonyms of
tags, types by name. What is written is strict: TY first, ER last, two letters, two spaces, hyphen,
space, one line per value, CRLF. `ris_fields` says what the tags mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.ris_fields import Field, fields_of, record_of
from kb.formats.references.texts import flat
from kb.models.records import Unreadable, WorkRecord


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """One piece for each record."""
    for record in records:
        text = "".join(_line(tag, value) for tag, value in fields_of(record))
        yield f"{text}ER  - \r\n\r\n".encode()


def _line(tag: str, value: str) -> str:
    if not _TAG.fullmatch(tag) or tag == "ER":  # no tag a reader of ours gives
        tag, value = "N1", f"{flat(tag)}: {value}"
    return f"{tag}  - {value}\r\n"


_TAG = re.compile(r"[A-Z][A-Z0-9]")


# Tags with less than two spaces before the hyphen, or without one after it, are tags only where
# they are known: "in - vitro" begins no field.
_KNOWN: Final = frozenset(
    re.findall(
        r"\w+",
        "A1 A2 A3 A4 AB AD AN AU AV BT C1 C2 C3 C4 C5 C6 C7 C8 CA CN CP CT CY DA DB DO DP ED EP ET"
        " ID IS J1 J2 JA JF JI JO KW L1 L2 L3 L4 LA LB LK M1 M2 M3 N1 N2 NV OP PB PP PU PY RI RN"
        " RP SE SN SP ST SV T1 T2 T3 TA TI TT TY U1 U2 U3 U4 U5 UR VL VO Y1 Y2",
    )
)
_STRICT = re.compile(r"([A-Z][A-Z0-9])  -(?: (.*))?$", re.S)
_LOOSE = re.compile(r"\s*([A-Za-z][A-Za-z0-9])(?: {1,3}|\t)?[-–](.*)$", re.S)
_END = re.compile(r"\s*ER(?:  -.*|\s*-?\s*)$", re.S)
_NUMBERING = re.compile(r"\W*\d*\W*")


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of an RIS file in its order, as what `source` says."""
    yield from _Reader(source).read(stream)


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._number = 0
        self._fields: list[Field] = []
        self._line = 0  # of the record's first field
        self._is_open = False
        self._is_lower = False  # whether this record's tags are in lower case
        self._stray: list[tuple[int, str]] = []  # (number, text) of lines outside of records

    def read(self, stream: BinaryIO) -> Iterator[Read]:
        for number, raw in lines(stream):
            line = raw if raw.isprintable() else flat(raw)
            if not line or line.isspace():
                continue
            tag: str | None
            if line[2:6] == "  - " and line[:2] in _KNOWN:
                tag, value = line[:2], line[6:].strip()
            else:
                tag, value = self._tagged(line)
            if tag is None:
                self._continue(number, line.strip())
            elif tag == "EF" and not self._is_open:
                continue  # the end of the file, as Web of Science marks it
            elif tag == "ER":
                if self._is_open:
                    yield self._record()
            else:
                if tag == "TY":
                    if self._is_open:
                        yield self._record()
                    self._is_lower = line.lstrip()[:2].islower()
                if not self._is_open:
                    self._is_open, self._line = True, number
                self._fields.append(Field(tag, [value] if value else []))
        if self._is_open:
            yield self._record()
        if self._number == 0:
            found = f", but {self._shown_stray()}" if self._stray else ""
            yield Unreadable(
                position="line 1", reason=f"no RIS record (expected lines like 'TY  - JOUR'){found}"
            )
        elif self._stray:
            yield self._unread()

    def _tagged(self, line: str) -> tuple[str | None, str]:
        """(tag, value); no tag for a line that continues a value."""
        if line[2:5] == "  -" and (match := _STRICT.match(line)):
            tag = match[1]
            if tag != "ER" or self._is_open:
                return tag, (match[2] or "").strip()
        if "-" not in line[:12] and "–" not in line[:12] and line.strip() != "ER":
            return None, ""
        if _END.match(line):
            return "ER", ""
        if match := _LOOSE.match(line):
            tag = match[1].upper()
            if tag in _KNOWN and (
                tag == match[1] or self._is_lower or (tag == "TY" and not self._is_open)
            ):
                return tag, match[2].strip()
        return None, ""

    def _continue(self, number: int, text: str) -> None:
        if self._is_open and self._fields[-1].tag != "TY":
            self._fields[-1].lines.append(text)
        elif not _NUMBERING.fullmatch(text):
            self._stray.append((number, text))

    def _record(self) -> FileRecord:
        self._number += 1
        fields = [field for field in self._fields if field.lines]
        record, warnings = record_of(fields, source=self._source, number=self._number)
        if self._stray:
            warnings.insert(0, f"belongs to no record: {self._shown_stray()}")
        read = FileRecord(position=f"line {self._line}", record=record, warnings=tuple(warnings))
        self._fields, self._stray, self._is_open = [], [], False
        return read

    def _shown_stray(self) -> str:
        number, text = self._stray[0]
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        others = len(self._stray) - 1
        more = f" and {others} more line{'s' * (others > 1)}" if others else ""
        return f"line {number}, {shown!r}{more}"

    def _unread(self) -> Unreadable:
        return Unreadable(
            position=f"line {self._stray[0][0]}",
            reason=f"text that belongs to no record: {self._shown_stray()}",
        )

"""Refer/BibIX files, as EndNote exports them (.enw): `%T Title`, records apart by an empty line.

Each letter means a field that RIS has under another name (`ris_fields` says what they mean).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from kb.formats.references.kinds import GENERIC, kind_named
from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.ris_fields import Field, fields_of, record_of
from kb.formats.references.texts import flat
from kb.models.records import Unreadable, WorkRecord

FORM: Final = "refer"
_TAGS: Final = {
    "%0": "TY", "%A": "AU", "%B": "T2", "%C": "CY", "%D": "PY", "%E": "ED", "%F": "ID", "%G": "LA",
    "%H": "TA", "%I": "PB", "%J": "JF", "%K": "KW", "%L": "CN", "%M": "AN", "%N": "IS", "%O": "J2",
    "%P": "SP", "%Q": "TT", "%R": "DO", "%S": "T3", "%T": "TI", "%U": "UR", "%V": "VL", "%W": "DP",
    "%X": "AB", "%Y": "A3", "%Z": "N1", "%1": "C1", "%2": "C2", "%3": "C3", "%4": "C4", "%#": "C5",
    "%$": "C6", "%]": "C7", "%6": "NV", "%7": "ET", "%8": "DA", "%9": "M3", "%?": "A4", "%@": "SN",
    "%!": "ST", "%&": "SE", "%(": "OP", "%)": "RP", "%*": "RI", "%+": "AD", "%^": "CA", "%>": "L1",
    "%<": "RN", "%[": "Y2", "%~": "DB",
}  # fmt: skip
_LETTERS: Final = {tag: letter for letter, tag in _TAGS.items()} | {"A2": "%E"}


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of a Refer file in its order, as what `source` says."""
    fields: list[Field] = []
    count = begin = 0
    stray: tuple[int, str] | None = None
    for number, raw in lines(stream):
        line = flat(raw)
        is_field = (
            len(line) > 1 and line[0] == "%" and not line[1].isspace() and line[2:3] in ("", " ")
        )
        if fields and (not line or line.startswith("%0")):
            count += 1
            yield _record(fields, source, count, begin)
            fields = []
        if is_field:
            if not fields:
                begin = number
            letter = line[:2]
            fields.append(Field(_TAGS.get(letter, letter), [line[3:].strip()] if line[3:] else []))
        elif line and fields:
            fields[-1].lines.append(line)
        elif line and stray is None:
            stray = (number, line)
    if fields:
        count += 1
        yield _record(fields, source, count, begin)
    if stray or not count:
        found = f", but {stray[1][:60]!r}" if stray else ""
        reason = f"no Refer record (expected lines like '%T Title'){found}"
        yield Unreadable(position=f"line {stray[0] if stray else 1}", reason=reason)


def _record(fields: list[Field], source: str, number: int, line: int) -> FileRecord:
    held = {field.tag for field in fields}
    if "TY" not in held:
        # Libraries leave the type out; what a record has tells.
        kind = (
            "JOUR"
            if "JF" in held
            else "CHAP"
            if "T2" in held
            else "BOOK"
            if "PB" in held
            else "GEN"
        )
        fields = [Field("TY", [kind]), *fields]
    else:
        named = ((kind_named(f.lines[0]), f) for f in fields if f.tag == "TY" and f.lines)
        tags = [kind.tag if kind else field.lines[0] for kind, field in named]
        fields = [Field("TY", tags[:1]), *(f for f in fields if f.tag != "TY")]
    given = [field for field in fields if field.lines]
    record, warnings = record_of(given, source=source, number=number, form=FORM, names=_LETTERS)
    return FileRecord(position=f"line {line}", record=record, warnings=tuple(warnings))


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """One piece for each record."""
    for record in records:
        kind, pages, written = GENERIC, [], []
        for tag, value in fields_of(record, form=FORM, tags=_TAGS):
            if tag == "TY":
                kind = kind_named(value) or GENERIC
                written.append(f"%0 {kind.name if kind_named(value) else value}")
            elif tag in ("SP", "EP"):
                pages.append(value)
            elif tag == "T2" and kind.is_periodical:
                written.append(f"%J {value}")
            elif tag in _LETTERS or tag[0] == "%":
                written.append(f"{_LETTERS.get(tag, tag)} {value}")
            else:
                written.append(f"%Z {tag}: {value}")
        if pages:
            written.append(f"%P {'-'.join(pages)}")
        yield ("\r\n".join(written) + "\r\n\r\n").encode()

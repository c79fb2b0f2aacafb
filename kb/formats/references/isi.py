"""Web of Science's tagged files (.ciw, and "plain text"): two letters, a space, three spaces before
what continues; a record begins with PT and ends with ER.

What a field means in RIS says `ris_fields`; the letters differ.

References
----------
Web of Science field tags: https://webofscience.help.clarivate.com/en-us/Content/wos-core-collection/woscc-field-tags.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO, Final

from kb.formats.references.kinds import kind_named
from kb.formats.references.reading import FileRecord, Read, lines
from kb.formats.references.ris_fields import Field, fields_of, record_of
from kb.formats.references.texts import flat
from kb.identity.identifiers import identifiers
from kb.models.records import ReferenceClaim, Unreadable, WorkRecord

FORM: Final = "isi"
_TAGS: Final = {
    "AU": "AU", "BE": "ED", "TI": "TI", "SO": "T2", "SE": "T3", "LA": "LA", "DT": "M3", "DE": "KW",
    "AB": "AB", "PU": "PB", "PI": "CY", "SN": "SN", "EI": "SN", "BN": "SN", "J9": "J9", "JI": "JA",
    "PD": "DA", "PY": "PY", "VL": "VL", "IS": "IS", "BP": "SP", "EP": "EP", "AR": "C7", "DI": "DO",
    "UT": "ID", "ED": "ED",
    # What Web of Science never writes means what it does in RIS.
    "UR": "UR", "N1": "N1", "C2": "C2", "ET": "ET", "AN": "AN", "ST": "ST", "A3": "A3", "A4": "A4",
    "T3": "T3",
}  # fmt: skip
_LETTERS: Final = {
    tag: letters for letters, tag in _TAGS.items() if letters not in ("EI", "BN", "ED", "SE")
} | {"J2": "JI", "JF": "SO", "A2": "BE"}
_OTHER: Final = "isi:"  # before tags that mean something else in RIS
_KINDS: Final = {"J": "JOUR", "B": "BOOK", "S": "CHAP", "P": "PAT", "C": "CPAPER"}
_TAGGED = re.compile(r"([A-Z][A-Z0-9])(?: (.*))?$", re.S)
_DOI = re.compile(r"\bDOI (10\.\d{4,9}/\S+)")
_CONFERENCE: Final = "Conference: "
_ONE_LINE: Final = frozenset({"AU", "ED", "A3", "A4", "SN", "M3", "N1", "UR", "AN", "C2"})


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of a Web of Science file in its order, as what `source` says."""
    fields: list[tuple[str, list[str]]] = []
    begin = count = 0
    stray: tuple[int, str] | None = None
    for number, raw in lines(stream):
        match = None if raw[:1].isspace() else _TAGGED.match(raw)
        tag = match[1] if match else None
        if tag in ("ER", "PT") and fields:
            count += 1
            yield _record(fields, source, count, begin)
            fields = []
        if tag in ("FN", "VR", "EF", "ER"):
            continue
        if match and tag:
            if not fields:
                begin = number
            fields.append((tag, [flat(match[2] or "")]))
        elif text := flat(raw):
            if fields:
                fields[-1][1].append(text)
            elif stray is None:
                stray = (number, text)
    if fields:
        count += 1
        yield _record(fields, source, count, begin)
    if stray or not count:
        found = f", but {stray[1][:60]!r}" if stray else ""
        reason = f"no record of Web of Science (expected lines like 'PT J'){found}"
        yield Unreadable(position=f"line {stray[0] if stray else 1}", reason=reason)


def _record(given: list[tuple[str, list[str]]], source: str, number: int, line: int) -> FileRecord:
    held = {tag: [part for part in parts if part] for tag, parts in given}
    fields = [Field("TY", [_kind(held)])]
    # AF has the names of AU in full.
    full = held.get("AF", [])
    has_full = bool(full) and len(full) == len(held.get("AU", []))
    cited: list[str] = []
    for tag, parts in given:
        values = [part for part in parts if part]
        if tag == "PT" or not values or (tag == "AF" and has_full):
            continue
        if tag == "AU" and has_full:
            values = full
        if tag == "PM":
            fields.append(Field("AN", [f"PMID:{values[0]}"]))
        elif tag in ("CT", "SO") and fields[0].lines == ["CPAPER"]:
            fields.append(Field("T2" if tag == "CT" else "C3", [" ".join(values)]))
        elif tag == "CT":
            fields.append(Field("N1", [_CONFERENCE + " ".join(values)]))
        elif tag == "CA":
            fields += [Field("AU", [value if "," in value else f"{value},"]) for value in values]
        elif tag == "ID":
            fields.append(Field("KW", [" ".join(values)]))
        elif tag == "CR":
            cited += values
        elif tag == "DE":
            fields.append(Field("KW", [" ".join(values)]))
        elif tag == "DT":
            fields += [Field("M3", [t.strip()]) for t in " ".join(values).split(";") if t.strip()]
        elif tag in _TAGS and tag != "ID":
            known = _TAGS[tag]
            if known in _ONE_LINE:
                fields += [Field(known, [value]) for value in values]
            else:
                fields.append(Field(known, [" ".join(values)]))
        else:
            fields += [Field(_OTHER + tag, [value]) for value in values]
    names = _LETTERS | {_OTHER + tag: tag for tag, _ in given}
    record, warnings = record_of(fields, source=source, number=number, form=FORM, names=names)
    references = tuple(
        ReferenceClaim(
            position=position,
            text=text,
            identifiers=identifiers(doi=found[1] if (found := _DOI.search(text)) else None),
        )
        for position, text in enumerate(cited, 1)
    )
    return FileRecord(
        position=f"line {line}",
        record=replace(record, references=references),
        warnings=tuple(warnings),
    )


def _kind(held: dict[str, list[str]]) -> str:
    """The kind of reference by PT, and by DT where a book or a series holds papers and chapters."""
    given = "".join(held.get("PT", []))
    known = kind_named(given)
    kind = _KINDS.get(given) or (known.tag if known else "GEN")
    types = " ".join(held.get("DT", [])).lower()
    if kind in ("BOOK", "CHAP"):
        return "CPAPER" if "proceedings" in types else "CHAP" if "chapter" in types else kind
    return kind


_PT: Final = {"JOUR": "J", "BOOK": "B", "CHAP": "S", "PAT": "P", "CPAPER": "C"}


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """The head of the file, one piece for each record, and its end."""
    yield b"FN MSC evidence base\r\nVR 1.0\r\n"
    for record in records:
        yield "".join(_written(record)).encode()
    yield b"EF\r\n"


def _written(record: WorkRecord) -> Iterator[str]:
    values: dict[str, list[str]] = {}
    for tag, value in fields_of(record, form=FORM, tags=_TAGS):
        if tag == "TY":
            values["PT"] = [_PT.get(value, value)]
        elif values["PT"] == ["C"] and tag in ("C3", "T2"):
            values["SO" if tag == "C3" else "CT"] = [value]
        elif tag == "AN" and value.removeprefix("PMID:").isdigit():
            values["PM"] = [value.removeprefix("PMID:")]
        elif tag == "N1" and value.startswith(_CONFERENCE):
            values["CT"] = [value.removeprefix(_CONFERENCE)]
        else:
            values.setdefault(_LETTERS.get(tag, tag), []).append(value)
    for tag, parts in values.items():
        parts = ["; ".join(parts)] if tag in ("DE", "DT") else parts
        yield f"{tag} " + "\r\n   ".join(parts) + "\r\n"
    if record.references:
        texts = (flat(claim.text or "") for claim in record.references)
        yield "CR " + "\r\n   ".join(text for text in texts if text) + "\r\n"
    yield "ER\r\n\r\n"

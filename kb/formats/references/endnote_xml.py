"""EndNote's XML: its fields are those of RIS under other names (`ris_fields` says what they mean).

References
----------
The elements and their order: RSXML.dtd, which comes with EndNote.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from lxml import etree

from kb.formats.references.endnote_tags import FORM, PATHS, TAGS
from kb.formats.references.kinds import GENERIC, KINDS, kind_named
from kb.formats.references.reading import FileRecord, Read
from kb.formats.references.ris_fields import Field, fields_of, record_of
from kb.formats.references.texts import flat
from kb.formats.references.xml_elements import Broken, elements
from kb.models.records import Unreadable, WorkRecord

# A record has one place for abbreviations, and editors are secondary authors.
_PATHS: Final = PATHS | {
    "J2": "periodical/abbr-1",
    "ED": "contributors/secondary-authors/author",
}

# Fields whose lines are values of their own.
_BY_LINE: Final = frozenset({"N1", "M3", "SN"})
_NUMBERS: Final = {kind.number: kind for kind in KINDS if kind.number is not None}


def read(stream: BinaryIO, source: str) -> Iterator[Read]:
    """The records of an EndNote XML file in its order, as what `source` says."""
    number = 0
    try:
        for number, element in enumerate(elements(stream, "record"), 1):
            fields = [field for field in _fields(element) if field.lines]
            position = f"record {number} (line {element.sourceline})"
            if not fields:
                yield Unreadable(position=position, reason="a record without any field")
                continue
            record, warnings = record_of(
                fields, source=source, number=number, form=FORM, names=PATHS
            )
            yield FileRecord(position=position, record=record, warnings=tuple(warnings))
    except Broken as broken:
        yield Unreadable(
            position=f"line {broken.line}",
            reason=f"not XML from here on, after {number} records ({broken})",
        )
    else:
        if number == 0:
            reason = "no record (expected <record> elements, as EndNote exports them)"
            yield Unreadable(position="line 1", reason=reason)


def _fields(record: etree._Element) -> Iterator[Field]:
    if (type_ := record.find("ref-type")) is not None and (name := _kind_name(type_)):
        yield Field("TY", [name])
    for path, element in _leaves(record, ""):
        if path == "ref-type":
            continue
        lines = [line for part in _text(element).splitlines() if (line := flat(part))]
        tag = TAGS.get(path)
        if tag is None:
            attributes = (
                f"[@{name}='{html.escape(str(value))}']" for name, value in element.items()
            )
            yield Field(path + "".join(attributes), lines)
        elif tag in _BY_LINE:
            yield from (Field(tag, [line]) for line in lines)
        else:
            yield Field(tag, lines)


def _kind_name(element: etree._Element) -> str:
    """The RIS type by EndNote's name of the kind, else by its number; else the name as given."""
    name, number = flat(element.get("name") or ""), flat(_text(element))
    kind = kind_named(name) or kind_named(number)
    if kind is None and number.isdigit():
        kind = _NUMBERS.get(int(number))
    return kind.tag if kind else name or number


def _leaves(parent: etree._Element, above: str) -> Iterator[tuple[str, etree._Element]]:
    """(path, element) of the fields, which hold text or runs of text in one style."""
    for element in parent:
        if not isinstance(element.tag, str):
            continue
        path = f"{above}{element.tag}"
        if any(isinstance(child.tag, str) and child.tag != "style" for child in element):
            yield from _leaves(element, f"{path}/")
        else:
            yield path, element


# Single letters that are Greek ones in the font Symbol, in which older programs write them.
_SYMBOL: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "αβχδεφγηιϕκλμνοπθρστυϖωξψζΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ",
)


def _text(element: etree._Element) -> str:
    """The text of all runs; a raised number after a digit is an exponent (10^6)."""
    text = element.text or ""
    for run in element:
        part = html.unescape(run.text or "") if isinstance(run, etree._Entity) else _text(run)
        if isinstance(run.tag, str) and run.get("font") == "Symbol" and len(part.strip()) == 1:
            part = part.translate(_SYMBOL)
        is_raised = isinstance(run.tag, str) and "superscript" in (run.get("face") or "")
        if is_raised and text[-1:].isdigit() and re.match(r"[+−-]?\d", part):
            text += "^"
        text += part + (run.tail or "")
    return text


# -- writing -------------------------------------------------------------------------------------

_ORDER: Final = {
    name: place
    for place, name in enumerate(
        re.findall(
            r"[\w-]+",
            "database source-app rec-number foreign-keys ref-type contributors auth-address"
            " auth-affiliation titles periodical pages volume number issue secondary-volume"
            " secondary-issue num-vols edition section reprint-edition reprint-status"
            " keywords dates pub-location publisher orig-pub isbn accession-num call-num report-id"
            " coden electronic-resource-num abstract label image caption notes"
            " research-notes work-type reviewed-item availability remote-source meeting-place"
            " work-location work-extent"
            " pack-method size repro-ratio remote-database-name remote-database-provider language"
            " urls access-date modified-date custom1 custom2 custom3 custom4 custom5 custom6"
            " custom7 misc1 misc2 misc3",
        )
    )
}
# One element holds all values of these, a line each.
_JOINED: Final = frozenset({"isbn", "notes", "work-type", "auth-address"})
_STEP = re.compile(r"([A-Za-z][\w.-]*)((?:\[@[\w.:-]+='[^']*'\])*)")
_FORBIDDEN = re.compile("[\ufffe\uffff]")
_ATTRIBUTE = re.compile(r"\[@([\w.:-]+)='([^']*)'\]")


def write(records: Iterable[WorkRecord]) -> Iterator[bytes]:
    """The declaration, one piece for each record, and the end."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<xml><records>\n'
    for record in records:
        yield etree.tostring(_element(record), encoding="utf-8") + b"\n"
    yield b"</records></xml>\n"


def _element(record: WorkRecord) -> etree._Element:
    root = etree.Element("record")
    values: dict[str, list[str]] = {}
    pages: list[str] = []
    kind = GENERIC
    for tag, value in fields_of(record, form=FORM, tags=TAGS):
        if tag == "TY":
            kind = kind_named(value) or GENERIC
            type_ = etree.SubElement(root, "ref-type")
            type_.set("name", kind.name if kind_named(value) else value)
            type_.text = str(kind.number or GENERIC.number)
        elif tag in ("SP", "EP"):
            pages.append(value)
        else:
            path = _PATHS.get(tag, tag)
            if tag == "M1" and "number" not in values:
                path = "number"  # EndNote has one number, RIS an issue and another
            elif len(path) == 2:  # one of RIS that EndNote's XML has no place for
                path, value = "notes", f"{tag}: {value}"
            values.setdefault(path, []).append(value)
    if pages:
        values["pages"] = ["-".join(pages)]
    if kind.is_periodical and kind.titles[0] == "venue" and "titles/secondary-title" in values:
        # EndNote keeps the journal in its list of journals, too.
        values["periodical/full-title"] = values["titles/secondary-title"][:1]
    for path, parts in values.items():
        for part in ["\n".join(parts)] if path in _JOINED else parts:
            _add(root, path, _FORBIDDEN.sub("", part))
    root[:] = sorted(root, key=lambda child: _ORDER.get(str(child.tag), len(_ORDER)))
    return root


def _add(root: etree._Element, path: str, text: str) -> None:
    """A new element at the path, inside the elements above it that are there already."""
    *above, last = _STEP.findall(path) or [("notes", "")]
    parent = root
    for name, _ in above:
        found = parent.find(name)
        parent = etree.SubElement(parent, name) if found is None else found
    element = etree.SubElement(parent, last[0])
    for name, value in _ATTRIBUTE.findall(last[1]):
        element.set(name, html.unescape(value))
    element.text = text

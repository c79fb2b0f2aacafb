"""The record elements of an XML file one by one, in bounded memory and without surprises."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from lxml import etree

_PIECE: Final = 1 << 16
_LONGEST: Final = 10_000_000  # characters of one text; the parser refuses longer ones
# What XML 1.0 forbids and programs write all the same: control characters, as such and by number,
# and an "&" that begins no entity.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FORBIDDEN_BY_NUMBER = re.compile(
    r"&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.I
)
_STRAY_AMPERSAND = re.compile(r"&(?!(?:#\d{1,7}|#x[0-9a-f]{1,6}|\w{1,32});)", re.I)
_TEXT_ENCODING = re.compile(
    r"(?:ascii|us-ascii|utf-?8|latin-?\d|iso-?8859|windows|cp\d|mac|koi8|gb|big5|euc|shift|sjis"
    r"|iso-?2022|tis|johab|viscii)[\w-]*"
)
_DECLARED = re.compile(rb"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)[\"']")


class Broken(Exception):
    """The file is no XML from here on; the message says at which line, and why."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def elements(stream: BinaryIO, *tags: str) -> Iterator[etree._Element]:
    """Each element of one of the tags, whole, in the order of the file; it is emptied when the next
    is asked for.

    Nothing is fetched and no entity of a DTD is expanded; elements nested hundreds deep, or texts
    of more than 10 MB, are refused. Bytes that are not of the file's encoding are read as
    Windows-1252.

    Raises Broken where the XML ends before it should, after all elements before.
    """
    parser = etree.XMLPullParser(
        events=("end",),
        tag=tags,
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    broken: Broken | None = None
    for text in _texts(stream):
        try:
            parser.feed(text.encode("utf-8", errors="replace"))
        except etree.XMLSyntaxError as error:
            broken = Broken(error.lineno or 1, str(error.msg))
        for _, element in parser.read_events():
            yield element
            _empty(element)
        if broken:
            raise broken
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Broken(error.lineno or 1, str(error.msg)) from error


def _empty(element: etree._Element) -> None:
    """Frees the element, and what stands before it."""
    element.clear(keep_tail=False)
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _texts(stream: BinaryIO) -> Iterator[str]:
    """The text in pieces that end where an element does, so that none ends inside a reference."""
    first = stream.read(_PIECE)
    decoder = _decoder(first)
    held = ""
    piece = first
    while piece:
        held += decoder.decode(piece)
        cut = held.rfind(">") + 1 or (len(held) if len(held) > _LONGEST else 0)
        if cut:
            yield _allowed(held[:cut])
            held = held[cut:]
        piece = stream.read(_PIECE)
    held += decoder.decode(b"", final=True)
    if held:
        yield _allowed(held)


def _allowed(text: str) -> str:
    text = _FORBIDDEN.sub("", text)
    if "&" in text:
        text = _STRAY_AMPERSAND.sub("&amp;", _FORBIDDEN_BY_NUMBER.sub("", text))
    return text


def _decoder(head: bytes) -> codecs.IncrementalDecoder:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return codecs.getincrementaldecoder("utf-16")("replace")
    if head.startswith(codecs.BOM_UTF8):
        return codecs.getincrementaldecoder("utf-8-sig")(_WINDOWS)
    match = _DECLARED.match(head)
    name = match[1].decode("ascii").lower() if match else "utf-8"
    if name.startswith(("utf-16", "utf16", "utf_16", "ucs")):
        name = "utf-8"  # declared, but plainly read as bytes
    if not _TEXT_ENCODING.fullmatch(name):
        name = "utf-8"  # among Python's codecs are such that unpack archives
    try:
        return codecs.getincrementaldecoder(name)("replace" if name != "utf-8" else _WINDOWS)
    except LookupError:
        return codecs.getincrementaldecoder("utf-8")(_WINDOWS)


_WINDOWS: Final = "windows-1252-instead"


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([b]).decode("cp1252", errors="ignore") or chr(b) for b in wrong), error.end


codecs.register_error(_WINDOWS, _as_windows)

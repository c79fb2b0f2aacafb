"""What every reader of reference files gives, one after the other, and text from any encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from kb.errors import InvalidInput
from kb.models.records import Unreadable, WorkRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One record of a reference file. `position` is where it begins, for a person: "line 12",
    "record 3", "row 4". `warnings` say what of it was not understood, or read in spite of the
    format's rules."""

    position: str
    record: WorkRecord
    warnings: tuple[str, ...] = ()


# The longest abstracts have some 30 kB, an entry with all its references on one line some 3 MB.
MAX_LINE: Final = 32_000_000


class EndlessLine(InvalidInput):
    """A file without line ends: no text file of references, or not one that can be taken apart."""


Read = FileRecord | Unreadable
"""What a reader yields for each record of the file, in its order: never nothing, never an error
that would stop the others."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of a text file as programs leave them: UTF-8 with or
    without a byte order mark, UTF-16 with one, else Windows-1252, of which Latin-1 is a part.

    Lines end with LF, CRLF or CR. A line that is not UTF-8 is read as Windows-1252 by itself, so
    that one byte spoils nothing else. Reads as it goes; memory holds one line.

    Raises EndlessLine for a line of more than MAX_LINE bytes.
    """
    for number, raw in enumerate(_raw_lines(stream), 1):
        yield number, raw if isinstance(raw, str) else decoded(raw)


def decoded(raw: bytes) -> str:
    """UTF-8 where the bytes are UTF-8, else Windows-1252 with Latin-1 for what that leaves out."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(_CP1252[byte] for byte in raw)


_CP1252 = [bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(256)]
_PIECE = 1 << 20


def _raw_lines(stream: BinaryIO) -> Iterator[bytes | str]:
    beginning = stream.read(3)
    if beginning[:2] in _UTF16:
        encoding = "utf-16-le" if beginning[:2] == _UTF16[0] else "utf-16-be"
        yield from _utf16_lines(stream, beginning[2:], encoding)
        return
    rest = b"" if beginning == codecs.BOM_UTF8 else beginning
    while piece := stream.read(_PIECE):
        held = rest + piece
        # A CR at the end may be the first half of a CRLF.
        cut = len(held) - held.endswith(b"\r")
        found = held[:cut].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = found.pop() + held[cut:]
        yield from found
        _check_length(rest)
    yield from rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")


def _utf16_lines(stream: BinaryIO, rest: bytes, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    text = decoder.decode(rest)
    while piece := stream.read(_PIECE):
        text += decoder.decode(piece)
        cut = len(text) - text.endswith("\r")
        found = text[:cut].replace("\r\n", "\n").replace("\r", "\n").split("\n")
        text = found.pop() + text[cut:]
        yield from found
        _check_length(text)
    yield from (text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")).split("\n")


def _check_length(line: bytes | str) -> None:
    if len(line) > MAX_LINE:
        raise EndlessLine(
            f"a line of more than {MAX_LINE // 1_000_000} MB (expected lines of at most some "
            "hundred kilobytes)"
        )

"""The reference formats there are: by name, by the look of a file, reader beside writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from kb.formats.references.reading import Read
from kb.models.records import WorkRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """`read(stream, source)` yields each record of a file in its order, as what `source` says;
    `write(records)` yields pieces of a file of the format, in UTF-8."""

    name: str  # "ris", as options and requests name it
    title: str  # as people call it
    suffixes: tuple[str, ...]
    media_type: str
    read: Callable[[BinaryIO, str], Iterator[Read]]
    write: Callable[[Iterable[WorkRecord]], Iterator[bytes]]

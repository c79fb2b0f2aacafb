"""Reading reference files to look at them before anything is kept: what they give, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import orjson

from kb.errors import InvalidInput
from kb.formats.references.reading import FileRecord, Read
from kb.models.records import Unreadable, to_json


@dataclass(slots=True, kw_only=True)
class ReadingOf:
    """A file that is read, and what it came to so far. `not_read` has the parts that could not be;
    one without a position is the whole file, or all that was left of it."""

    file: str
    source: str
    reads: Iterable[Read]
    records: int = 0
    with_warnings: int = 0
    not_read: list[Unreadable] = field(default_factory=list)

    def each(self) -> Iterator[FileRecord]:
        """Its records. What goes wrong with the file as a whole ends it like a part of it."""
        try:
            for read in self.reads:
                if isinstance(read, Unreadable):
                    self.not_read.append(read)
                    continue
                self.records += 1
                self.with_warnings += bool(read.warnings)
                yield read
        except InvalidInput as error:
            self.not_read.append(Unreadable(position="", reason=str(error)))

    @property
    def counts(self) -> dict[str, int]:
        return {
            "records": self.records,
            "with_warnings": self.with_warnings,
            "unreadable": len(self.not_read),
        }


def begun(file: str, source: str, reads: Iterator[Read]) -> ReadingOf:
    """The reading of a file, begun. Raises InvalidInput where it is no reference file."""
    first = next(reads, None)
    return ReadingOf(
        file=file, source=source, reads=() if first is None else chain((first,), reads)
    )


def columns_said(said: Sequence[str]) -> dict[str, str] | None:
    """Our fields with the columns that hold them, from "column=field" as people write it; None
    where nothing is said. Raises InvalidInput for what is not written so."""
    columns: dict[str, str] = {}
    for text in said:
        column, _, field = text.rpartition("=")
        if not column.strip() or not field.strip():
            raise InvalidInput(f"not a column and its field: {text[:80]!r} (expected Titel=title)")
        if columns.setdefault(field.strip(), column.strip()) != column.strip():
            raise InvalidInput(f"two columns for {field.strip()!r}: {text[:80]!r} is the second")
    return columns or None


def as_json(files: Sequence[ReadingOf]) -> Iterator[bytes]:
    """`{"records": [...], "unreadable": [...], "files": [...], "counts": {...}}`: each record with
    the file and the position it stands at, its warnings and all its fields that say something."""
    yield b'{"records":['
    first = True
    for reading in files:
        for read in reading.each():
            where = {"file": reading.file, "position": read.position, "warnings": read.warnings}
            said = orjson.dumps(where)[:-1] + b"," + to_json(read.record)[1:]
            yield said if first else b",\n" + said
            first = False
    unreadable = [{"file": r.file, **asdict(part)} for r in files for part in r.not_read]
    told: list[dict[str, Any]] = [
        {"file": r.file, "source": r.source, "counts": r.counts} for r in files
    ]
    counts = {name: sum(r.counts[name] for r in files) for name in files[0].counts}
    rest = {"unreadable": unreadable, "files": told, "counts": counts}
    yield b"]," + orjson.dumps(rest)[1:] + b"\n"

"""Records to be compared, read from any reference file; clusters and pairs as tables; what people
decided, read back from such tables.

The table of clusters is for programs, which join it by the ids: these are as they came. Tables of
pairs are opened by people: what a spreadsheet would run as a formula is led by an apostrophe there,
ids among them, which reading takes off again where no record has such an id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from kb.errors import InvalidInput
from kb.formats.outcome_tables.delimited import csv_lines
from kb.formats.references.reading import decoded
from kb.identity.dedupe import Deduplication, Pair, PersonsDecision, explained
from kb.identity.descriptions import COLUMNS, Description, describe, describe_values
from kb.models.records import Unreadable

# The module's own default is 131,072 characters, which an abstract with its references may pass.
_LONGEST_FIELD: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Decision:
    """A row of a table of pairs that a person filled in."""

    first: str
    second: str
    is_same: bool
    place: str  # "unsure.csv, row 4"


# -- records in ------------------------------------------------------------------------------------


def read_descriptions(path: Path, format: str | None = None) -> Iterator[Description | Unreadable]:
    """Each record of a file in its order, or why it could not be read. A table with the columns
    `record_id` and `title` is read as it comes; any other file as the reference format it is.

    Raises InvalidInput where the file cannot be opened or is no reference file.
    """
    if format in (None, "csv"):
        with _opened(path) as stream:
            rows = csv.reader(_lines(stream), delimiter=_delimiter(path))
            places = _places(next(_rows(rows), []))
            if places is not None:
                yield from _read_table(rows, places)
                return
    from kb.formats.references.formats import read_file

    for read in read_file(path, source=path.name, format=format):
        yield read if isinstance(read, Unreadable) else describe(read.record)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except IsADirectoryError as error:
        raise InvalidInput(f"{str(path)!r} is a folder (expected a reference file)") from error
    except OSError as error:
        raise InvalidInput(f"cannot open {str(path)!r}: {error.strerror}") from error


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Lines with their ends, which quoted fields may hold."""
    is_first = True
    for raw in stream:
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            line = decoded(raw)
        if is_first:
            line = line.removeprefix("\ufeff")
            is_first = False
        yield line.replace("\0", "") if "\0" in line else line


def _delimiter(path: Path) -> str:
    with _opened(path) as stream:
        header = decoded(stream.readline(4096))
    return max(",;\t", key=header.count)


def _rows(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows, a broken one left out: for the header, which decides what the file is."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            continue


def _places(header: Sequence[str]) -> list[int] | None:
    """Where each of `COLUMNS` stands in the table, -1 for those it lacks; None where the table is
    not of this kind."""
    names = [name.strip().lower() for name in header]
    if "record_id" not in names or "title" not in names:
        return None
    return [names.index(column) if column in names else -1 for column in COLUMNS]


def _read_table(rows: Iterator[list[str]], places: list[int]) -> Iterator[Description | Unreadable]:
    # A column that is missing reads the empty value put behind each row.
    width = max(places) + 1
    csv.field_size_limit(_LONGEST_FIELD)
    number = 1
    is_plain = places == list(range(len(COLUMNS)))
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Unreadable(position=f"row {number}", reason=f"not readable as CSV: {error}")
            continue
        if len(row) == width and is_plain:
            yield describe_values(*row)
            continue
        if not any(row):
            continue
        if len(row) > width and is_plain and any(row[width:]):
            yield Unreadable(
                position=f"row {number}",
                reason=f"{len(row)} fields where the header has {width}: is one with a comma not "
                "quoted?",
                key=row[0] or None,
            )
            continue
        row += [""] * (width + 1 - len(row))
        values = [row[place] if place >= 0 else "" for place in places]
        yield describe_values(values[0] or f"row {number}", *values[1:])


# -- tables out ------------------------------------------------------------------------------------

PAIR_COLUMNS: Final = (
    "record_id_1", "record_id_2", "title_1", "title_2", "link", "reason", "evidence_for",
    "evidence_against", "decision",
)  # fmt: skip


def clusters_csv(descriptions: Sequence[Description], found: Deduplication) -> Iterator[bytes]:
    """`record_id, cluster_id`, a row for each record in the order of the records. A cluster is
    named by the first of its record ids, in the order of the alphabet. Ids are as they came."""
    names = [""] * len(descriptions)
    for cluster in found.clusters:
        name = min(descriptions[i].record_id for i in cluster)
        for i in cluster:
            names[i] = name
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("record_id", "cluster_id"))
    for start in range(0, len(names), 10_000):
        writer.writerows(
            (descriptions[i].record_id, names[i])
            for i in range(start, min(start + 10_000, len(names)))
        )
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


def pairs_csv(
    descriptions: Sequence[Description],
    pairs: Iterable[Pair],
    decided: Mapping[tuple[int, int], bool],
) -> Iterator[bytes]:
    """Pairs for a person: ids, titles, why, and an empty column `decision` to fill with "same" or
    "different"; it is filled where the pair is decided already."""

    def rows() -> Iterator[tuple[str, ...]]:
        for pair in pairs:
            a, b = descriptions[pair.first], descriptions[pair.second]
            is_same = decided.get((pair.first, pair.second))
            if is_same is None:
                is_same = decided.get((pair.second, pair.first))
            told = explained(pair, descriptions)
            yield (
                a.record_id,
                b.record_id,
                a.title,
                b.title,
                told.link or "",
                told.reason,
                "; ".join(told.evidence_for),
                "; ".join(told.evidence_against),
                "" if is_same is None else "same" if is_same else "different",
            )

    return csv_lines(PAIR_COLUMNS, rows())


# -- decisions in ----------------------------------------------------------------------------------

_SAID: Final = {"same": True, "different": False}
_OPEN: Final = ("", "unsure", "?")


def read_decisions(path: Path) -> list[Decision]:
    """The pairs of a table that a person decided; rows without a decision are open.

    Raises InvalidInput where the columns are missing or a decision is neither "same" nor
    "different".
    """
    with _opened(path) as stream:
        reader = csv.reader(_lines(stream), delimiter=_delimiter(path))
        header = [name.strip().lower() for name in next(_rows(reader), [])]
        needed = ("record_id_1", "record_id_2", "decision")
        missing = [name for name in needed if name not in header]
        if missing:
            raise InvalidInput(
                f"{path.name} has no column {', '.join(missing)} (expected the table of unsure "
                "pairs with its column decision filled in)"
            )
        first, second, decision = (header.index(name) for name in needed)
        found = []
        for number, row in enumerate(_rows(reader), 2):
            if len(row) <= max(first, second, decision):
                continue
            said = row[decision].strip().lower()
            if said in _OPEN:
                continue
            if said not in _SAID:
                raise InvalidInput(
                    f"{path.name}, row {number}: decision {row[decision]!r} (expected same, "
                    "different or nothing)"
                )
            place = f"{path.name}, row {number}"
            found.append(Decision(row[first], row[second], _SAID[said], place))
    return found


def placed(
    decisions: Iterable[Decision], descriptions: Sequence[Description]
) -> tuple[list[PersonsDecision], list[Decision]]:
    """The decisions by position, and those about records that are not here."""
    by_id = {d.record_id: i for i, d in enumerate(descriptions)}
    here: list[PersonsDecision] = []
    elsewhere: list[Decision] = []
    for decision in decisions:
        first, second = (
            by_id.get(id, by_id.get(id.removeprefix("'")))
            for id in (decision.first, decision.second)
        )
        if first is None or second is None:
            elsewhere.append(decision)
        elif first == second:
            raise InvalidInput(
                f"{decision.place}: a record cannot be decided against itself ({decision.first!r})"
            )
        else:
            here.append(PersonsDecision(first, second, decision.is_same))
    return here, elsewhere

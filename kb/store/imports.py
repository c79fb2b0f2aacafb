"""Reference files enter the base: kept as they are, then each record by itself.

A file that is stopped half-way leaves whole records, and bringing it in again goes on where it
stopped. What is there already is not written twice.
"""

from __future__ import annotations

import codecs
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, BinaryIO, Final

import sqlalchemy as sa
from sqlmodel import Session, col, select

from kb.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from kb.formats.references.formats import HEAD_BYTES, by_name, read_file, recognise
from kb.formats.references.reading import Read
from kb.identity.decide import contradicting_ids
from kb.identity.names import fold
from kb.models.records import Unreadable, View, WorkRecord, content_hash
from kb.models.tables import Failure, FileImport, IdentityPair, StoredPayload, StoredRecord
from kb.models.tables.identity import PairVerdict
from kb.store.engine import Store
from kb.store.listing import Asked, Field, Listing, Page, Reads, in_order, list_rows
from kb.store.record_works import save_work_record
from kb.store.records import Change, as_work_record, clear_failures, find_record, note_failure

MAX_FILE: Final = 256 * 1024 * 1024  # bytes
_TOO_LARGE: Final = (
    f"the file is larger than {MAX_FILE // 1024 // 1024} MB ({MAX_FILE:,} bytes); split it and "
    "bring in the parts under one source"
)
_PIECE: Final = 1 << 20
# Records in one transaction. A commit costs less than a record; others wait for this many.
_AT_ONCE: Final = 20
_MOST_TOLD: Final = 1000  # unreadable parts and warnings in a report; the counts have them all
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LONGEST_LABEL: Final = 500
_REQUEST: Final = "file "  # how requests of payloads begin that are reference files

OUTCOMES: Final = ("new_works", "joined", "unsure", "changed", "unchanged", "unsaved")

Progress = Callable[[str, int, int | None], None]  # what is going on, done, of how many


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOut:
    """A reference file brought in. Each record that could be read is counted once, by what became
    of it when it first came: `records` is the sum of `new_works` to `unsaved`, once finished.

    `joined` were duplicates of works held, from this file or another source; `unsure` wait for a
    person; `changed` and `unchanged` were held from an earlier file of the same source.
    """

    id: int
    source: str
    file_name: str
    format: str
    columns: dict[str, str] | None  # of a table: our field -> its column, where that was said
    payload_id: int
    who: str | None
    started_at: str
    finished_at: str | None  # None: stopped half-way; bringing the file in again goes on
    records: int
    unreadable: int
    new_works: int
    joined: int
    unsure: int
    changed: int
    unchanged: int
    unsaved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNotRead:
    position: str
    reason: str
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDetail(ImportOut):
    """With what of the file could not be used, by where it stands."""

    not_read: list[PartNotRead]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    position: str
    warnings: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ImportRun:
    """One run over a file. `this_run` counts what it did, where `done` holds all that was done to
    the file; a second run over the same file finds everything unchanged."""

    done: ImportOut
    is_new: bool  # whether this run began the import
    this_run: Counter[str] = field(default_factory=Counter)
    not_read: list[PartNotRead] = field(default_factory=list)
    warnings: list[Warned] = field(default_factory=list)
    is_interrupted: bool = False

    @property
    def written(self) -> int:
        return sum(self.this_run[name] for name in ("new_works", "joined", "unsure", "changed"))

    def as_dict(self) -> dict[str, Any]:
        return {
            **asdict(self.done),
            "this_run": {name: self.this_run[name] for name in OUTCOMES},
            "written": self.written,
            "not_read": self.not_read,
            "warnings": self.warnings,
            "is_interrupted": self.is_interrupted,
        }


def _silent(what: str, done: int, total: int | None) -> None:
    pass


def import_file(
    store: Store,
    file: BinaryIO,
    *,
    source: str,
    file_name: str,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    who: str | None = None,
    progress: Progress = _silent,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ImportRun:
    """Bring in a reference file. It must be one that can go back, and that nobody else writes to.

    `source` is what its records stand under. `format` overrules what the content looks like;
    `columns` maps our fields to columns of a table. Memory holds the compressed file.

    Raises InvalidInput for what is no reference file or too large, before anything is written, and
    Conflict where `source` names evidence that did not come as reference files.
    """
    reading = _Reading(file, source, file_name, format, columns)
    with store.reading() as session:
        _check_source(session, source)
        is_kept = _same_file(session, source, reading.sha256) is not None
    body = None if is_kept else _compressed(file, progress)
    with store.writing() as session:
        row, is_new = _begin(session, reading, body, who, now())
    assert row.id is not None
    del body
    run = ImportRun(done=_out(row), is_new=is_new)
    try:
        _go_through(store, reading, row.id, run, progress, now)
    except KeyboardInterrupt:
        run.is_interrupted = True
    with store.reading() as session:
        run.done = _out(session.get_one(FileImport, row.id))
    return run


def _go_through(
    store: Store,
    reading: _Reading,
    number: int,
    run: ImportRun,
    progress: Progress,
    now: Callable[[], datetime],
) -> None:
    request = _REQUEST + run.done.file_name
    contents = _look_through(reading, run, progress)
    _note_unreadable(store, number, reading.source, request, contents, now())
    place, failed = 0, {part.position for part in contents.unreadable}
    for batch in _batches(_named(reading, contents)):
        progress("records", place, contents.records)
        outcomes = _save_batch(store, number, place, batch, request, now())
        run.this_run.update(outcomes)
        failed |= {one.position for one, o in zip(batch, outcomes) if o == "unsaved"}
        place += len(batch)
    with store.writing() as session:
        clear_failures(session, reading.source, request, failed)
        row = session.get_one(FileImport, number)
        row.finished_at = row.finished_at or now()
        session.add(row)


# -- the file ------------------------------------------------------------------------------------


class _Reading:
    """A file and how it is to be read, as often as needed."""

    def __init__(
        self,
        file: BinaryIO,
        source: str,
        file_name: str,
        format: str | None,
        columns: Mapping[str, str] | None,
    ) -> None:
        self.source = source
        self.file_name = file_name
        self.columns = dict(columns) if columns else None
        self._file = file
        self.sha256, self.size = _hashed(file)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        if format is None or not _is_text(head):
            recognised = recognise(head, file_name)
        self.format = by_name(format) if format else recognised

    def reads(self) -> Iterator[Read]:
        self._file.seek(0)
        return read_file(
            self._file,
            source=self.source,
            name=self.file_name,
            format=self.format,
            columns=self.columns,
        )


def _is_text(head: bytes) -> bool:
    return head.startswith(_UTF16) or not (b"\x00" in head or head.startswith(b"%PDF"))


def _hashed(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
        if size > MAX_FILE:
            raise InvalidInput(_TOO_LARGE)
    return digest.hexdigest(), size


def _compressed(file: BinaryIO, progress: Progress) -> bytearray:
    file.seek(0)
    packer, body, done = zlib.compressobj(6), bytearray(), 0
    while piece := file.read(_PIECE):
        body += packer.compress(piece)
        done += len(piece)
        progress("keeping the file", done, None)
    body += packer.flush()
    return body


def _check_source(session: Session, source: str) -> None:
    """Records of a file must never take the place of others that go by the same name."""
    other = session.execute(
        sa.select(col(StoredPayload.request))
        .join(StoredRecord, col(StoredRecord.payload_id) == col(StoredPayload.id))
        .where(
            col(StoredRecord.source) == source,
            col(StoredPayload.request).not_like(f"{_REQUEST}%"),
        )
        .limit(1)
    ).scalar()
    if other is not None:
        raise Conflict(
            f"{source!r} names evidence that did not come as reference files ({other[:60]}); "
            "choose another name for the source"
        )


def _same_file(session: Session, source: str, sha256: str) -> int | None:
    """The payload of the same bytes under the same source, whatever the file was called."""
    return session.execute(
        sa.select(col(FileImport.payload_id))
        .join(StoredPayload, col(StoredPayload.id) == col(FileImport.payload_id))
        .where(col(FileImport.source) == source, col(StoredPayload.sha256) == sha256)
        .order_by(col(FileImport.id))
        .limit(1)
    ).scalar()


def _begin(
    session: Session, reading: _Reading, body: bytearray | None, who: str | None, now: datetime
) -> tuple[FileImport, bool]:
    """The import's row and whether it is new: the row there is, where the file was brought in
    before in the same way."""
    payload_id = _same_file(session, reading.source, reading.sha256)
    if payload_id is None:
        assert body is not None
        payload = StoredPayload(
            source=reading.source,
            request=_REQUEST + reading.file_name,
            status=200,
            media_type=reading.format.media_type,
            fetched_at=now,
            current_since=now,
            sha256=reading.sha256,
            size=reading.size,
            body=body,  # type: ignore[arg-type]  # the drivers take any buffer
        )
        session.add(payload)
        session.flush()
        assert payload.id is not None
        payload_id = payload.id
        session.expunge(payload)
    held = session.exec(
        select(FileImport).where(
            FileImport.source == reading.source,
            FileImport.payload_id == payload_id,
            FileImport.format == reading.format.name,
        )
    ).all()
    for row in held:
        if row.columns == reading.columns:
            return row, False
    row = FileImport(
        source=reading.source,
        file_name=reading.file_name,
        format=reading.format.name,
        columns=reading.columns,
        payload_id=payload_id,
        who=who,
        started_at=now,
    )
    session.add(row)
    session.flush()
    return row, True


# -- what is in it -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Contents:
    """What a first look through the file found. Labels as numbers: there may be many."""

    records: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    labels: set[int] = field(default_factory=set)
    repeated: set[int] = field(default_factory=set)


def _look_through(reading: _Reading, run: ImportRun, progress: Progress) -> _Contents:
    found = _Contents()
    for read in reading.reads():
        if isinstance(read, Unreadable):
            found.unreadable.append(read)
            if len(run.not_read) < _MOST_TOLD:
                run.not_read.append(PartNotRead(
                    position=read.position, reason=read.reason, key=read.key
                ))  # fmt: skip
            continue
        found.records += 1
        if found.records % 1000 == 0:
            progress("looking through the file", found.records, None)
        if read.warnings and len(run.warnings) < _MOST_TOLD:
            run.warnings.append(Warned(position=read.position, warnings=read.warnings))
        if read.record.label:
            label = hash(read.record.label)
            (found.repeated if label in found.labels else found.labels).add(label)
    return found


def _note_unreadable(
    store: Store, number: int, source: str, request: str, found: _Contents, now: datetime
) -> None:
    """Keep what could not be read until a later reading of the file can, and how much it is."""
    with store.writing() as session:
        row = session.get_one(FileImport, number)
        for part in found.unreadable:
            note_failure(
                session,
                source=source,
                request=request,
                position=part.position,
                key=part.key,
                reason=part.reason,
                now=now,
                payload_id=row.payload_id,
            )
        row.records, row.unreadable = found.records, len(found.unreadable)
        session.add(row)


# -- its records, one after the other -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named:
    """A record under the name it goes by in its source."""

    record: WorkRecord
    position: str
    has_own_label: bool


def _named(reading: _Reading, contents: _Contents) -> Iterator[_Named]:
    """By the caller's label where one record of the file has it, else by what the record says, so
    that the name does not depend on where in the file it stands."""
    made: Counter[str] = Counter()
    for read in reading.reads():
        if isinstance(read, Unreadable):
            continue
        label = read.record.label
        if label and hash(label) not in contents.repeated and len(label) <= _LONGEST_LABEL:
            yield _Named(replace(read.record, key=label), read.position, True)
            continue
        name = _name_of_content(read.record)
        made[name] += 1
        if made[name] > 1:  # the same record twice in one file
            name = f"{name}#{made[name]}"
        yield _Named(replace(read.record, key=name), read.position, False)


def _name_of_content(record: WorkRecord) -> str:
    return "content:" + content_hash(replace(record, source="", key=""))[:32]


def _batches(records: Iterator[_Named]) -> Iterator[list[_Named]]:
    while batch := list(islice(records, _AT_ONCE)):
        yield batch


def _save_batch(
    store: Store, number: int, place: int, batch: list[_Named], request: str, now: datetime
) -> list[str]:
    """What became of each record. One that cannot be saved stops none of the others."""
    try:
        with store.writing() as session:
            payload_id = session.get_one(FileImport, number).payload_id
            outcomes = [_save(session, payload_id, one, now) for one in batch]
            _count(session, number, place, outcomes)
        return outcomes
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever a strange record leads to
        if len(batch) > 1:
            return [
                outcome
                for n, one in enumerate(batch)
                for outcome in _save_batch(store, number, place + n, [one], request, now)
            ]
        with store.writing() as session:
            note_failure(
                session,
                source=batch[0].record.source,
                request=request,
                position=batch[0].position,
                key=batch[0].record.label,
                reason=f"not saved: {type(error).__name__}: {' '.join(str(error).split())[:300]}",
                now=now,
                payload_id=session.get_one(FileImport, number).payload_id,
            )
            _count(session, number, place, ["unsaved"])
        return ["unsaved"]


def _save(session: Session, payload_id: int, one: _Named, now: datetime) -> str:
    record = one.record
    if one.has_own_label:
        held = find_record(session, record.source, record.key, View.WORK)
        # Numbers that begin anew in each file of a source are no names.
        if held is not None and not _may_be_newer(record, as_work_record(held)):
            record = replace(record, key=_name_of_content(record))
    saved = save_work_record(session, record, payload_id, now)
    if saved.change is not Change.NEW:
        return saved.change.value
    if saved.work_id is None:
        return "unsure"
    in_question, has_company = session.execute(_standing(record, saved.work_id)).one()
    if in_question:
        return "unsure"
    return "joined" if has_company else "new_works"


def _standing(record: WorkRecord, work_id: int) -> sa.Select[bool, bool]:
    """Whether it is in question that the record is of that work or of another, and whether other
    records describe the work, so that this one is a duplicate."""
    own = (
        sa.select(col(StoredRecord.id))
        .where(
            col(StoredRecord.source) == record.source,
            col(StoredRecord.key) == record.key,
            col(StoredRecord.view) == record.view,
        )
        .scalar_subquery()
    )
    in_question = sa.exists().where(
        sa.or_(col(IdentityPair.record_id) == own, col(IdentityPair.other_id) == own),
        col(IdentityPair.verdict) == PairVerdict.UNSURE,
    )
    has_company = sa.exists().where(
        col(StoredRecord.work_id) == work_id,
        col(StoredRecord.id) != own,
        col(StoredRecord.view).in_((View.WORK, View.BRIEF)),
    )
    return sa.select(in_question, has_company)


def _may_be_newer(record: WorkRecord, held: WorkRecord) -> bool:
    """Whether a record under the same label is the one held, said anew, and no other work."""
    ours, theirs = frozenset(record.identifiers), frozenset(held.identifiers)
    if contradicting_ids(ours, theirs):
        return False
    return bool(ours & theirs) or fold(record.title or "") == fold(held.title or "")


def _count(session: Session, number: int, place: int, outcomes: list[str]) -> None:
    """Each record once, though a file that was stopped is gone through again from its start."""
    row = session.get_one(FileImport, number)
    for outcome in outcomes[max(0, row.gone_through - place) :]:
        setattr(row, outcome, getattr(row, outcome) + 1)
    row.gone_through = max(row.gone_through, place + len(outcomes))
    session.add(row)


# -- what was brought in -------------------------------------------------------------------------

IMPORTS: Final = Listing(
    name="imports",
    source=FileImport,
    id=col(FileImport.id),
    order="id:desc",
    searched=col(FileImport.file_name),
    fields={
        "source": Field(about="What its records stand under", column=col(FileImport.source)),
        "format": Field(about="ris, nbib, bibtex ...", column=col(FileImport.format)),
        "who": Field(about="Who brought it in", column=col(FileImport.who)),
        "records": Field(about="Records read", column=col(FileImport.records), reads=Reads.INTEGER),
    },
)


def list_imports(session: Session, asked: Asked) -> Page[ImportOut]:
    """Newest first."""
    found = list_rows(session, IMPORTS, asked)
    rows = session.exec(select(FileImport).where(col(FileImport.id).in_(found.results)))
    return found.of(in_order(found.results, {row.id or 0: _out(row) for row in rows}))


def read_import(session: Session, number: int) -> ImportDetail:
    row = session.get(FileImport, number)
    if row is None:
        raise NotFound(f"no import {number}")
    failures = session.exec(
        select(Failure)
        .where(
            Failure.source == row.source,
            Failure.request == _REQUEST + row.file_name,
            Failure.payload_id == row.payload_id,
        )
        .order_by(col(Failure.id))
        .limit(_MOST_TOLD)
    )
    return ImportDetail(
        **asdict(_out(row)),
        not_read=[PartNotRead(position=f.position, reason=f.reason, key=f.key) for f in failures],
    )


def _out(row: FileImport) -> ImportOut:
    return ImportOut(
        id=row.id or 0,
        source=row.source,
        file_name=row.file_name,
        format=row.format,
        columns=row.columns,
        payload_id=row.payload_id,
        who=row.who,
        started_at=row.started_at.isoformat(),
        finished_at=row.finished_at.isoformat() if row.finished_at else None,
        records=row.records,
        unreadable=row.unreadable,
        new_works=row.new_works,
        joined=row.joined,
        unsure=row.unsure,
        changed=row.changed,
        unchanged=row.unchanged,
        unsaved=row.unsaved,
    )

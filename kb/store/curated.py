"""Curated tables enter the base: all of a collection, or nothing of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlmodel import Session

from kb import starter
from kb.errors import InvalidInput
from kb.formats.curation import Curated
from kb.formats.workbook import MEDIA_TYPE
from kb.models.evidence import StudyRecord, extractor_of
from kb.models.records import CitingList, Payload
from kb.store.engine import Store
from kb.store.payloads import keep
from kb.store.record_studies import link_overlaps, save_registrations, save_study_record
from kb.store.record_works import save_citing_list, save_reference_list, save_work_record
from kb.store.records import Change, keep_record

STARTER = "starter"

# By the ending of the file. A sheet of a workbook has none, and is kept as JSON beside it.
_MEDIA_TYPES = {
    "csv": "text/csv",
    "json": "application/json",
    "": "application/json",
    "xlsx": MEDIA_TYPE,
}

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class CuratedReport:
    """What an import changed: records by kind and by new, changed, unchanged."""

    source: str
    works: Counter[Change] = field(default_factory=Counter)
    lists: Counter[Change] = field(default_factory=Counter)
    studies: Counter[Change] = field(default_factory=Counter)
    registrations: Counter[Change] = field(default_factory=Counter)
    conflicts: int = 0  # works that contradict what is recorded; a person decides

    @property
    def is_unchanged(self) -> bool:
        counts = (self.works, self.lists, self.studies, self.registrations)
        return all(not c[Change.NEW] and not c[Change.CHANGED] for c in counts)


def load_starter(store: Store, progress: Progress | None = None) -> CuratedReport:
    """Bring in the starter evidence; where it is already, this writes nothing."""
    return save_curated(store, STARTER, starter.read(), progress=progress)


def save_curated(
    store: Store,
    source: str,
    curated: Curated,
    *,
    who: str | None = None,
    why: str | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> CuratedReport:
    """Bring in tables as one change. Raises InvalidInput where the tables have errors.

    `source` is a collection, or one extractor's part of it: "my-review/anna". `who` brings in what
    is new or changed, the extractor where nobody is named.
    """
    if curated.errors:
        first = curated.errors[0]
        more = f" and {len(curated.errors) - 1} more" if len(curated.errors) > 1 else ""
        raise InvalidInput(f"nothing imported: {first}{more}")
    with store.writing() as session:
        said = who or extractor_of(source), why
        return _save(session, source, curated, said, progress or _silent, now or datetime.now(UTC))


def _silent(what: str, done: int, total: int) -> None:
    pass


def _save(
    session: Session,
    source: str,
    curated: Curated,
    said: tuple[str | None, str | None],
    progress: Progress,
    now: datetime,
) -> CuratedReport:
    who, why = said
    report = CuratedReport(source)
    files = {
        name: _keep_file(session, source, name, body, now) for name, body in curated.files.items()
    }
    conflicts = 0
    for done, work in enumerate(curated.works):
        progress("works", done, len(curated.works))
        saved = save_work_record(session, work, _file(files, "works"), now)
        report.works[saved.change] += 1
        conflicts += saved.conflicts
    for one in curated.lists:
        payload = _file(files, "citations")
        if isinstance(one, CitingList):
            saved, _ = save_citing_list(session, one, payload, now)
        else:
            saved = save_reference_list(session, one, payload, now)
        report.lists[saved.change] += 1
    for done, study in enumerate(curated.studies):
        progress("studies", done, len(curated.studies))
        change, _ = save_study_record(
            session, study, _file(files, "studies"), now, files, who=who, why=why
        )
        report.studies[change] += 1
    link_overlaps(session, source, curated.studies)
    for study in curated.registered_only:
        change = _save_registered_only(session, study, _file(files, "registrations"), now, files)
        report.registrations[change] += 1
    return CuratedReport(
        source, report.works, report.lists, report.studies, report.registrations, conflicts
    )


def _save_registered_only(
    session: Session, record: StudyRecord, payload_id: int, now: datetime, files: dict[str, int]
) -> Change:
    """A registry entry nobody has reported on: known, but no study was seen behind it."""
    stored, change = keep_record(session, record, payload_id, now)
    if change is not Change.UNCHANGED:
        save_registrations(session, record, stored, payload_id, files, now)
    return change


def _keep_file(session: Session, source: str, name: str, body: bytes, now: datetime) -> int:
    ending = name.rpartition(".")[2] if "." in name else ""
    payload = Payload(
        source=source,
        request=f"table {name}",
        status=200,
        body=body,
        fetched_at=now,
        media_type=_MEDIA_TYPES[ending],
    )
    return keep(session, payload)


def _file(files: dict[str, int], table: str) -> int:
    """The payload of a table, by its name without ending."""
    return next(i for name, i in files.items() if name.partition(".")[0] == table)

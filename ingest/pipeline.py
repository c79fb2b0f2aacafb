"""From an identifier, a query or a condition to linked works and studies.

Every answer is kept before it is read, and every record is saved in a transaction of its own: a
run can be stopped anywhere, and run again, which writes only what is new.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ingest.fetch import Fetch
from ingest.report import Missing, RunReport
from ingest.sources import AnyRecord, Page, clinicaltrials, crossref, europepmc, openalex, pubmed
from kb.errors import InvalidInput, KBError, SourceRejected, StoreUnavailable
from kb.models.dates import PartialDate
from kb.models.evidence import StudyRecord
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import CitingList, Payload, ReferenceList, Unreadable, View, WorkRecord
from kb.models.tables import (
    Cites,
    Failure,
    Notice,
    Registration,
    StoredRecord,
    Work,
    WorkIdentifier,
    WorkRegistration,
    WorkRelation,
)
from kb.store import links
from kb.store.engine import Store
from kb.store.payloads import Payloads, load
from kb.store.record_studies import save_study_record
from kb.store.record_works import Saved, save_citing_list, save_reference_list, save_work_record
from kb.store.records import clear_failures, note_failure
from kb.store.reports import NAMED

# Europe PMC first: one answer names all of a work's identifiers, which the others then look up.
WORK_SOURCES: Final[dict[str, ModuleType]] = {
    "europepmc": europepmc,
    "crossref": crossref,
    "pubmed": pubmed,
    "openalex": openalex,
}
SOURCES: Final = (*WORK_SOURCES, "clinicaltrials")
DIRECTIONS: Final = ("references", "citations", "both")
_BATCH: Final = 100
_MOST_IN_QUERY: Final = 500  # values; SQLite may be built to take 999

T = TypeVar("T")
Progress = Callable[[str, int, int | None], None]  # what is going on, done, of how many

_log = logging.getLogger(__name__)


def _silent(what: str, done: int, total: int | None) -> None:
    pass


class KeptPayloads(Payloads):
    """The payload store, remembering the last answer, so that a failure can name it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.last: Payload | None = None

    def keep(self, payload: Payload) -> Payload:
        self.last = super().keep(payload)
        return self.last

    def find(self, source: str, request: str) -> Payload | None:
        self.last = super().find(source, request)
        return self.last


@dataclass(slots=True)
class _Call:
    """Something a source is asked for: how it is told of, and where a failure of it is noted."""

    source: str
    label: str
    error: str | None = None  # why it came to nothing, or to less than all
    n_set_aside: int = 0  # records that came and could not be used


class Ingest:
    """One run: its sources, its report. `progress` is told what happens as it happens.

    With a `fetch` that is offline, what was kept is read again: the same answers for what was asked
    by name, and for neighbours the answers that described them.
    """

    def __init__(
        self,
        store: Store,
        fetch: Fetch,
        payloads: KeptPayloads,
        *,
        sources: Sequence[str] = SOURCES,
        progress: Progress = _silent,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        unknown = sorted(set(sources) - set(SOURCES))
        if unknown:
            raise InvalidInput(f"no source {unknown[0]!r} (there are {', '.join(SOURCES)})")
        self.report = RunReport()
        self._store = store
        self._fetch = fetch
        self._payloads = payloads
        self._sources = {name: m for name, m in WORK_SOURCES.items() if name in sources}
        self._with_trials = "clinicaltrials" in sources
        self._progress = progress
        self._now = now

    # -- what can be asked ---------------------------------------------------------------------

    def work(self, identifier: Identifier, *, hops: int = 0, direction: str = "both") -> RunReport:
        """Ingest one work from every source, its lists, and its neighbours up to `hops` away.

        With 0 hops the neighbours are known as far as the lists describe them; with more, each is
        looked up in every source as well. Notices about the work, other versions of it and trials
        it names are ingested too.
        """
        if direction not in DIRECTIONS:
            raise InvalidInput(f"no direction {direction!r} (there are {', '.join(DIRECTIONS)})")
        if hops < 0:
            raise InvalidInput(f"{hops} hops (expected 0 or more)")
        work_id = self._look_up_everywhere(identifier)
        if work_id is None:
            return self.report
        self._describe(self._related(work_id), "notices and versions")
        frontier = self._survivors([work_id])
        seen = set(frontier)
        for hop in range(hops + 1):
            for done, one in enumerate(frontier):
                self._progress(f"lists of works, hop {hop}", done, len(frontier))
                self._lists(one, direction)
            self._name_neighbours(frontier, direction)
            if hop == hops:
                break
            around = self._neighbours(self._survivors(frontier), direction)
            self._describe(sorted(around - seen), f"works {hop + 1} hops away")
            seen = set(self._survivors(sorted(seen)))
            frontier = [one for one in self._survivors(sorted(around)) if one not in seen]
            seen.update(frontier)
        self._trials_named_by(self._survivors([work_id]))
        return self.report

    def topic(self, query: str, *, limit: int | None = None) -> RunReport:
        """Ingest what a query finds, up to `limit` works from each source that searches, and the
        trials these works name."""
        if not query.strip():
            raise InvalidInput("the query is empty (expected e.g. 'mesenchymal AND sclerosis')")
        _check_limit(limit)
        for name, module in self._sources.items():
            call = self._call(name, f"search {_shortened(query)}")
            for _, work_id in self._take(call, module.search(self._fetch, query, limit), limit):
                if work_id is not None:
                    self.report.add_work(work_id)
            self._close(call)
        self._trials_named_by(self._survivors(self.report.works))
        return self.report

    def trials(
        self,
        *,
        condition: str | None = None,
        intervention: str | None = None,
        term: str | None = None,
        limit: int | None = None,
    ) -> RunReport:
        """Ingest registry entries for a condition, an intervention or any words."""
        asked = {"condition": condition, "intervention": intervention, "term": term}
        given = {name: words for name, words in asked.items() if words and words.strip()}
        if not given:
            raise InvalidInput("say a condition, an intervention or a term")
        _check_limit(limit)
        said = ", ".join(f"{name} {words}" for name, words in given.items())
        call = self._call("clinicaltrials", f"search {_shortened(said)}")
        pages = clinicaltrials.search(self._fetch, **given, limit=limit)
        for _ in self._take(call, pages, limit):
            pass
        self._close(call)
        return self.report

    def trial_numbers(self, numbers: Sequence[str]) -> RunReport:
        """Ingest registry entries by number."""
        for done, number in enumerate(numbers):
            self._progress("registry entries", done, len(numbers))
            call = self._call("clinicaltrials", f"look-up of {number}")
            pages = clinicaltrials.fetch_studies(self._fetch, [number])
            n_found = len(list(self._take(call, pages)))
            if self._close(call) and not n_found and not call.n_set_aside:
                self.report.source(call.source).not_held += 1
        return self.report

    # -- looking things up ---------------------------------------------------------------------

    def _look_up_everywhere(self, given: Identifier) -> int | None:
        """Ask every source for one work, with whatever identifiers are known by then."""
        waiting = dict(self._sources)
        work_id = self._holder(given)
        progressed = True
        while waiting and progressed:
            progressed = False
            for name, module in list(waiting.items()):
                known = [given] if work_id is None else self._identifiers_of(work_id)
                asked = _best(module, known, given)
                if asked is None:
                    continue
                self._progress(f"{name}: {asked}", len(self._sources) - len(waiting), None)
                del waiting[name]
                progressed = True
                found = self._look_up(name, module, [asked])
                # A source that was asked by PMCID may not repeat it.
                work_id = self._holder(given) or next(iter(found), work_id)
                self.report.works = [work_id] if work_id else []
        for name in waiting:
            self.report.source(name).not_held += 1
        return work_id

    def _look_up(self, name: str, module: ModuleType, asked: Sequence[Identifier]) -> list[int]:
        """Ask one source for works; the ids of those that came."""
        tally = self.report.source(name)
        missing = dict.fromkeys(asked)
        works = []
        label = f"look-up of {asked[0]}" + (f" and {len(asked) - 1} more" if asked[1:] else "")
        call = _Call(name, label)
        tally.asked += len(asked)
        pages = module.fetch_works(self._fetch, asked)
        for record, work_id in self._take(call, pages, asked=asked):
            # What came for one question is its answer, even if it does not repeat the question.
            if len(asked) == 1:
                missing.clear()
            elif isinstance(record, WorkRecord):
                missing = {i: None for i in missing if i not in record.identifiers}
            if work_id is not None:
                works.append(work_id)
        if call.error is None:
            tally.not_held += max(0, len(missing) - call.n_set_aside)
        else:
            tally.unanswered += len(missing)
        self._note(call, {f"look-up of {i}": i in missing for i in asked})
        return works

    def _lists(self, work_id: int, direction: str) -> None:
        for name, module in self._sources.items():
            for kind in ("references", "citations"):
                fetch_list = getattr(module, f"fetch_{kind}", None)
                if fetch_list is None or direction not in (kind, "both"):
                    continue
                ids = self._identifiers_of(work_id)
                if not ids:
                    continue
                self._progress(f"{name}: {kind}", 0, None)
                call = self._call(name, f"{kind} of {ids[0]}")
                last: str | None = None
                has_come = False
                for page in self._pages(call, fetch_list(self._fetch, ids)):
                    for _ in self._save_page(call, page):
                        pass
                    has_come, last = True, page.truncated_by
                self._close(call, *(f"{kind} of {i}" for i in ids))
                if last:
                    self.report.truncated.append(Missing(name, call.label, last))
                if has_come or call.error is None:
                    with self._store.writing() as session:
                        (work_id,) = _survivors(session, [work_id])
                        links.note_truncation(session, work_id, name, kind, call.error or last)

    def _name_neighbours(self, work_ids: Sequence[int], direction: str) -> None:
        """Ask OpenAlex for what it names by its own ids alone.

        Its reference lists are bare ids; with DOI and PMID they turn out to be the works that
        other sources' lists name, instead of standing beside them a second time.
        """
        around = sorted(self._neighbours(self._survivors(work_ids), direction))
        with self._store.reading() as session:
            undescribed: list[int] = []
            for chunk in _chunks(around):
                rows = session.exec(
                    select(Work.id, Work.is_described).where(col(Work.id).in_(chunk))
                )
                undescribed += [one for one, is_described in rows if one and not is_described]
        nameless = [
            work_id
            for work_id, ids in self._identifiers(undescribed).items()
            if ids and all(i.scheme is Scheme.OPENALEX for i in ids)
        ]
        self._describe(nameless, "works it names by id", only="openalex")

    def _describe(self, work_ids: Sequence[int], what: str, only: str | None = None) -> None:
        """Look many works up, batch by batch, in every source that knows one of their ids."""
        for name, module in self._sources.items():
            if not work_ids or (only and name != only):
                continue
            if self._fetch.offline:
                self._read_again(name, module, work_ids)
                continue
            known = self._identifiers(work_ids).values()
            asked = [best for ids in known if (best := _best(module, ids))]
            for start in range(0, len(asked), _BATCH):
                self._progress(f"{name}: {what}", start, len(asked))
                self._look_up(name, module, asked[start : start + _BATCH])

    def _read_again(self, name: str, module: ModuleType, work_ids: Sequence[int]) -> None:
        """Offline, the answers that the works' records were made of stand for look-ups: which
        works were asked for together depended on what was known then."""
        query = select(StoredRecord.payload_id, StoredRecord.key).where(
            StoredRecord.source == name, StoredRecord.view == View.WORK
        )
        wanted: dict[int, set[str]] = {}
        with self._store.reading() as session:
            for chunk in _chunks(_survivors(session, work_ids)):
                of_works = query.where(col(StoredRecord.work_id).in_(chunk))
                for payload_id, key in session.exec(of_works):
                    wanted.setdefault(payload_id, set()).add(key)
        for payload_id, keys in sorted(wanted.items()):
            with self._store.reading() as session:
                payload = load(session, payload_id)
            call = self._call(name, payload.request)
            for page in self._pages(call, (Page(p, module.to_records(p)) for p in (payload,))):
                for item in page.records:
                    for record in item.citing if isinstance(item, CitingList) else (item,):
                        if isinstance(record, WorkRecord) and record.key in keys:
                            self._save_or_set_aside(call, payload, f"record {record.key}", record)
            self._close(call)

    def _trials_named_by(self, work_ids: Sequence[int]) -> None:
        if not self._with_trials:
            return
        query = (
            select(Registration.number)
            .join(WorkRegistration, col(WorkRegistration.registration_id) == col(Registration.id))
            .where(WorkRegistration.kind == NAMED)
            .where(col(Registration.number).startswith("NCT"))
        )
        numbers: set[str] = set()
        with self._store.reading() as session:
            for chunk in _chunks(work_ids):
                numbers.update(session.exec(query.where(col(WorkRegistration.work_id).in_(chunk))))
        self.trial_numbers(sorted(numbers))

    # -- calls and what became of them -----------------------------------------------------------

    def _call(self, source: str, label: str) -> _Call:
        self.report.source(source).asked += 1
        return _Call(source, label)

    def _close(self, call: _Call, *also: str) -> bool:
        """Note that a call failed, or that it no longer does, under its label and those in `also`.
        True if it did not fail."""
        if call.error is not None:
            self.report.source(call.source).unanswered += 1
        self._note(call, dict.fromkeys(also, False) | {call.label: call.error is not None})
        return call.error is None

    def _note(self, call: _Call, requests: dict[str, bool]) -> None:
        """Remember which requests failed with the call; what failed before and no longer does is
        forgotten."""
        if call.error is not None:
            self.report.failures.append(Missing(call.source, call.label, call.error))
        with self._store.reading() as session:
            known: set[str] = set()
            for chunk in _chunks(sorted(requests)):
                known.update(
                    session.exec(
                        select(Failure.request).where(
                            Failure.source == call.source, col(Failure.request).in_(chunk)
                        )
                    )
                )
        failed = [request for request, has_failed in requests.items() if has_failed]
        mended = [request for request in requests if request in known and request not in failed]
        # Not asked before is no failure of the source, and asking online will tell.
        if self._fetch.offline or not (mended or (failed and call.error)):
            return
        payload = self._payloads.last
        with self._store.writing() as session:
            for request in mended:
                clear_failures(session, call.source, request, set())
            for request in failed:
                note_failure(
                    session,
                    source=call.source,
                    request=request,
                    reason=call.error or "",
                    payload_id=payload.id if payload else None,
                    now=self._now(),
                )

    def _pages(self, call: _Call, pages: Iterable[Page]) -> Iterator[Page]:
        """The pages, until there are no more or the source fails, which the call then tells."""
        self._payloads.last = None
        try:
            for page in pages:
                yield page
                self._payloads.last = None
        except StoreUnavailable:
            raise
        except Exception as error:  # one failing source never stops a run
            call.error = _reason(error)

    # -- taking in what comes --------------------------------------------------------------------

    def _take(
        self,
        call: _Call,
        pages: Iterable[Page],
        limit: int | None = None,
        asked: Sequence[Identifier] | None = None,
    ) -> Iterator[tuple[AnyRecord, int | None]]:
        """Save and yield all records of all pages, with the works they were found to describe."""
        taken = 0
        for page in self._pages(call, pages):
            for record, work_id in self._save_page(call, page, asked):
                taken += 1
                total = min(page.total, limit) if page.total and limit else page.total
                self._progress(f"{call.source}: {call.label}", taken, total)
                yield record, work_id
            if page.truncated_by:
                missing = Missing(call.source, call.label, page.truncated_by)
                self.report.truncated.append(missing)

    def _save_page(
        self, call: _Call, page: Page, asked: Sequence[Identifier] | None = None
    ) -> Iterator[tuple[AnyRecord, int | None]]:
        failed: set[str] = set()

        def save(position: str, record: AnyRecord) -> tuple[AnyRecord, int | None] | None:
            saved = self._save_or_set_aside(call, page.payload, position, record, asked)
            if saved is None:
                failed.add(position)
            return saved

        for number, item in enumerate(page.records, 1):
            if isinstance(item, Unreadable):
                failed.add(item.position)
                self._set_aside(call, page.payload, item.position, item.key, item.reason)
                continue
            if isinstance(item, CitingList):
                # One by one, so that neither a bad one nor a kill costs the others, and nobody
                # waits for a thousand works to be saved.
                citing = []
                for n, one in enumerate(item.citing, 1):
                    self._progress(f"{call.source}: {call.label}", n, len(item.citing))
                    if one.title is None or save(f"citing work {n}", one):
                        citing.append(one)
                item = replace(item, citing=tuple(citing))
            if saved := save(f"record {number}", item):
                yield saved
        self._clear(call.source, page.payload, failed)

    def _save_or_set_aside(
        self,
        call: _Call,
        payload: Payload,
        position: str,
        record: AnyRecord,
        asked: Sequence[Identifier] | None = None,
    ) -> tuple[AnyRecord, int | None] | None:
        """The record and its work, or None for one that could not be saved."""
        try:
            if asked is not None and isinstance(record, WorkRecord):
                _check_is_asked_for(record, asked)
            return record, self._save(call.source, record, payload)
        except StoreUnavailable:
            raise
        except Exception as error:  # one bad record never stops a run
            self._set_aside(call, payload, position, record.key, _reason(error))
            return None

    def _save(self, name: str, record: AnyRecord, payload: Payload) -> int | None:
        """The work that the record was found to describe."""
        assert payload.id is not None
        now = self._now()
        seen_on = PartialDate(payload.fetched_at.date().isoformat())
        with self._store.writing() as session:
            if isinstance(record, WorkRecord):
                saved = save_work_record(session, record, payload.id, now, seen_on)
            elif isinstance(record, ReferenceList):
                saved = save_reference_list(session, record, payload.id, now)
            elif isinstance(record, CitingList):
                saved, _ = save_citing_list(session, record, payload.id, now, seen_on)
            else:
                change, study_id = save_study_record(session, record, payload.id, now)
                saved = Saved(change, None)
        # Once it is committed: what is told of is in the base.
        self.report.source(name).count(saved.change)
        self.report.conflicts += saved.conflicts
        if isinstance(record, StudyRecord):
            self.report.add_study(study_id)
        return saved.work_id

    def _set_aside(
        self, call: _Call, payload: Payload, position: str, key: str | None, reason: str
    ) -> None:
        tally = self.report.source(call.source)
        tally.received += 1
        tally.failed += 1
        call.n_set_aside += 1
        self.report.failures.append(Missing(call.source, f"{payload.request}, {position}", reason))
        with self._store.writing() as session:
            note_failure(
                session,
                source=call.source,
                request=payload.request,
                position=position,
                key=key,
                reason=reason,
                payload_id=payload.id,
                now=self._now(),
            )

    def _clear(self, name: str, payload: Payload, failed: set[str]) -> None:
        """Forget what could not be read of an answer to the same request before."""
        with self._store.reading() as session:
            known = session.exec(
                select(Failure.position).where(
                    Failure.source == name, Failure.request == payload.request
                )
            ).all()
        if set(known) - failed:
            with self._store.writing() as session:
                clear_failures(session, name, payload.request, failed)

    # -- what the base knows -----------------------------------------------------------------------

    def _holder(self, identifier: Identifier) -> int | None:
        with self._store.reading() as session:
            return links.holder(session, identifier)

    def _survivors(self, work_ids: Sequence[int]) -> list[int]:
        with self._store.reading() as session:
            return _survivors(session, work_ids)

    def _identifiers(self, work_ids: Sequence[int]) -> dict[int, list[Identifier]]:
        """The works' identifiers, of each those first that look-ups answer best."""
        with self._store.reading() as session:
            known: dict[int, list[Identifier]] = {one: [] for one in _survivors(session, work_ids)}
            for chunk in _chunks(list(known)):
                query = select(WorkIdentifier).where(col(WorkIdentifier.work_id).in_(chunk))
                for row in session.exec(query):
                    known[row.work_id].append(Identifier(Scheme(row.scheme), row.value))
        for ids in known.values():
            ids.sort(key=lambda i: (_LOOK_UP_ORDER.index(i.scheme), i.value))
        return known

    def _identifiers_of(self, work_id: int) -> list[Identifier]:
        (ids,) = self._identifiers([work_id]).values()
        return ids

    def _neighbours(self, work_ids: Sequence[int], direction: str) -> set[int]:
        found: set[int] = set()
        with self._store.reading() as session:
            for chunk in _chunks(work_ids):
                if direction in ("references", "both"):
                    query = select(Cites.cited_id).where(col(Cites.citing_id).in_(chunk))
                    found.update(session.exec(query))
                if direction in ("citations", "both"):
                    query = select(Cites.citing_id).where(col(Cites.cited_id).in_(chunk))
                    found.update(session.exec(query))
        return found

    def _related(self, work_id: int) -> list[int]:
        """Notices about the work and what it is a notice about, and its other versions."""
        found: set[int | None] = set()
        with self._store.reading() as session:
            (work_id,) = _survivors(session, [work_id])
            for one, other in (
                (Notice.work_id, Notice.notice_work_id),
                (WorkRelation.work_id, WorkRelation.other_id),
            ):
                rows = session.exec(
                    select(one, other).where(sa.or_(col(one) == work_id, col(other) == work_id))
                )
                found.update(work for row in rows for work in row)
        return sorted(work for work in found - {work_id} if work is not None)


_LOOK_UP_ORDER: Final = (Scheme.DOI, Scheme.PMID, Scheme.OPENALEX, Scheme.PMCID)


def _best(
    module: ModuleType, known: Sequence[Identifier], given: Identifier | None = None
) -> Identifier | None:
    """What to ask a source by: what was given, so that a second run asks the same.

    But PubMed by PMID, for it takes hundreds of PMIDs at once and DOIs one by one, and OpenAlex
    by PMCID last, for it lacks many.
    """
    usable = [i for i in known if i.scheme in module.LOOKS_UP]
    if module is pubmed:
        usable.sort(key=lambda i: i.scheme is not Scheme.PMID)
    elif given in usable and not (module is openalex and given.scheme is Scheme.PMCID):
        return given
    return next(iter(usable), None)


def _survivors(session: Session, work_ids: Sequence[int]) -> list[int]:
    """The works that these became by merging, each once."""
    merged: dict[int | None, int | None] = {}
    for chunk in _chunks(work_ids):
        query = select(Work.id, Work.merged_into_id).where(col(Work.id).in_(chunk))
        for work_id, survivor in session.exec(query):
            merged[work_id] = survivor
    return list(dict.fromkeys(merged.get(one) or one for one in work_ids))


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _MOST_IN_QUERY):
        yield values[start : start + _MOST_IN_QUERY]


def _check_is_asked_for(record: WorkRecord, asked: Sequence[Identifier]) -> None:
    """A record need not carry the identifier it was found by, but must not carry another."""
    schemes = {i.scheme for i in record.identifiers}
    if not any(i in record.identifiers or i.scheme not in schemes for i in asked):
        wanted = ", ".join(map(str, asked[:3]))
        raise SourceRejected(
            f"another record came back: {record.key} ({record.title!r}) does not carry {wanted}"
        )


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise InvalidInput(f"a limit of {limit} (expected at least 1, or none)")


def _shortened(query: str) -> str:
    """Reviews write queries of thousands of characters, more than PostgreSQL indexes."""
    return query if len(query) <= 200 else f"{query[:199]}…"


def _reason(error: Exception) -> str:
    if isinstance(error, KBError):
        return str(error)
    _log.error("an answer was not understood", exc_info=error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

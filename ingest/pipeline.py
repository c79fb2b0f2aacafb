"""From an identifier, a query or a condition to linked works and studies.

Every answer is kept before it is read, and every record is saved in a transaction of its own: a
run can be stopped anywhere, and run again, which writes only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from types import ModuleType
from typing import Final

from sqlmodel import Session, col, select

from ingest.fetch import Fetch
from ingest.report import Missing, RunReport
from ingest.sources import AnyRecord, Page, clinicaltrials, crossref, europepmc, openalex, pubmed
from kb.errors import InvalidInput, KBError, SourceRejected, StoreUnavailable
from kb.models.dates import PartialDate
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import CitingList, Payload, ReferenceList, Unreadable, WorkRecord
from kb.models.tables import Cites, Registration, Work, WorkRegistration
from kb.store import links
from kb.store.engine import Store
from kb.store.payloads import Payloads
from kb.store.record_studies import save_study_record
from kb.store.record_works import Saved, save_citing_list, save_reference_list, save_work_record
from kb.store.records import clear_failures, note_failure

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

Progress = Callable[[str, int, int | None], None]  # what is going on, done, of how many


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


class Ingest:
    """One run: its sources, its report. `progress` is told what happens as it happens."""

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
        looked up in every source as well. Trials that the work names are ingested too.
        """
        if direction not in DIRECTIONS:
            raise InvalidInput(f"no direction {direction!r} (there are {', '.join(DIRECTIONS)})")
        work_id = self._look_up_everywhere(identifier)
        if work_id is None:
            return self.report
        self.report.works.append(work_id)
        frontier, seen = [work_id], {work_id}
        for hop in range(hops + 1):
            for done, one in enumerate(frontier):
                self._progress(f"lists of works, hop {hop}", done, len(frontier))
                self._lists(one, direction)
            self._name_neighbours(frontier, direction)
            if hop == hops:
                break
            frontier = sorted(self._neighbours(frontier, direction) - seen)
            seen.update(frontier)
            self._describe(frontier, f"works {hop + 1} hops away")
        self._trials_named_by([work_id])
        return self.report

    def topic(self, query: str, *, limit: int | None = None) -> RunReport:
        """Ingest what a query finds, up to `limit` works from each source that searches."""
        if not query.strip():
            raise InvalidInput("the query is empty (expected e.g. 'mesenchymal AND sclerosis')")
        for name, module in self._sources.items():
            self.report.source(name).asked += 1
            pages = module.search(self._fetch, query, limit)
            for _ in self._take(name, pages, f"search {query}", limit):
                pass
        self._trials_named_by(self.report.works)
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
        if not any((condition, intervention, term)):
            raise InvalidInput("say a condition, an intervention or a term")
        self.report.source("clinicaltrials").asked += 1
        pages = clinicaltrials.search(
            self._fetch, condition=condition, intervention=intervention, term=term, limit=limit
        )
        for _ in self._take("clinicaltrials", pages, "search for trials", limit):
            pass
        return self.report

    def trial_numbers(self, numbers: Sequence[str]) -> RunReport:
        """Ingest registry entries by number."""
        self._studies(numbers)
        return self.report

    # -- looking things up ---------------------------------------------------------------------

    def _look_up_everywhere(self, identifier: Identifier) -> int | None:
        """Ask every source for one work, with whatever identifiers are known by then."""
        waiting = dict(self._sources)
        work_id = self._holder(identifier)
        progressed = True
        while waiting and progressed:
            progressed = False
            for name, module in list(waiting.items()):
                known = [identifier] if work_id is None else self._identifiers(work_id)
                asked = next((i for i in known if i.scheme in module.LOOKS_UP), None)
                if asked is None:
                    continue
                self._progress(f"{name}: {asked}", len(self._sources) - len(waiting), None)
                del waiting[name]
                progressed = True
                self._look_up(name, module, [asked])
                work_id = self._holder(identifier) or work_id
        for name in waiting:
            self.report.source(name).not_held += 1
        return work_id

    def _look_up(self, name: str, module: ModuleType, asked: Sequence[Identifier]) -> None:
        tally = self.report.source(name)
        tally.asked += len(asked)
        wanted = set(asked)
        found: set[Identifier] = set()
        label = f"look-up of {asked[0]}" + (f" and {len(asked) - 1} more" if asked[1:] else "")
        for record in self._take(name, module.fetch_works(self._fetch, asked), label, None, wanted):
            if isinstance(record, WorkRecord):
                found |= wanted & set(record.identifiers)
        tally.not_held += len(wanted - found)

    def _lists(self, work_id: int, direction: str) -> None:
        for name, module in self._sources.items():
            for kind in ("references", "citations"):
                fetch_list = getattr(module, f"fetch_{kind}", None)
                if fetch_list is None or direction not in (kind, "both"):
                    continue
                ids = self._identifiers(work_id)
                self.report.source(name).asked += 1
                self._progress(f"{name}: {kind}", 0, None)
                label = f"{kind} of {ids[0] if ids else work_id}"
                last: str | None = None
                for page in self._pages(name, fetch_list(self._fetch, ids), label):
                    for _ in self._save_page(name, page):
                        pass
                    last = page.truncated_by
                    if last:
                        self.report.truncated.append(Missing(name, label, last))
                with self._store.writing() as session:
                    links.note_truncation(session, work_id, name, kind, last)

    def _name_neighbours(self, work_ids: Sequence[int], direction: str) -> None:
        """Ask OpenAlex for what it names by its own ids alone.

        Its reference lists are bare ids; with DOI and PMID they turn out to be the works that
        other sources' lists name, instead of standing beside them a second time.
        """
        module = self._sources.get("openalex")
        if module is None:
            return
        asked = []
        for neighbour in sorted(self._neighbours(work_ids, direction)):
            ids = self._identifiers(neighbour)
            if ids and all(i.scheme is Scheme.OPENALEX for i in ids):
                asked.append(ids[0])
        for start in range(0, len(asked), _BATCH):
            self._progress("openalex: works it names by id", start, len(asked))
            self._look_up("openalex", module, asked[start : start + _BATCH])

    def _describe(self, work_ids: Sequence[int], what: str) -> None:
        """Look many works up, batch by batch, in every source that knows one of their ids."""
        for name, module in self._sources.items():
            asked = []
            for work_id in work_ids:
                ids = self._identifiers(work_id)
                asked += [i for i in ids if i.scheme in module.LOOKS_UP][:1]
            remaining = iter(asked)
            done = 0
            while batch := list(islice(remaining, _BATCH)):
                self._progress(f"{name}: {what}", done, len(asked))
                self._look_up(name, module, batch)
                done += len(batch)

    def _trials_named_by(self, work_ids: Sequence[int]) -> None:
        if not self._with_trials or not work_ids:
            return
        with self._store.reading() as session:
            numbers = session.exec(
                select(Registration.number)
                .join(
                    WorkRegistration, col(WorkRegistration.registration_id) == col(Registration.id)
                )
                .where(col(WorkRegistration.work_id).in_(work_ids))
                .where(WorkRegistration.kind == "named by the work")
                .distinct()
            ).all()
        self._studies(sorted(n for n in numbers if n.startswith("NCT")))

    def _studies(self, numbers: Sequence[str]) -> None:
        if not numbers:
            return
        tally = self.report.source("clinicaltrials")
        tally.asked += len(numbers)
        pages = clinicaltrials.fetch_studies(self._fetch, numbers)
        label = f"look-up of {', '.join(numbers[:3])}" + (" ..." if numbers[3:] else "")
        found = list(self._take("clinicaltrials", pages, label, None))
        tally.not_held += max(0, len(numbers) - len(found))

    # -- taking in what comes --------------------------------------------------------------------

    def _take(
        self,
        name: str,
        pages: Iterable[Page],
        label: str,
        limit: int | None,
        wanted: set[Identifier] | None = None,
    ) -> Iterator[AnyRecord]:
        """Save and yield all records of all pages; a source that fails ends its own pages only."""
        taken = 0
        for page in self._pages(name, pages, label):
            for record in self._save_page(name, page, wanted):
                taken += 1
                total = min(page.total, limit) if page.total and limit else page.total
                self._progress(f"{name}: {label}", taken, total)
                yield record
            if page.truncated_by:
                self.report.truncated.append(Missing(name, label, page.truncated_by))

    def _pages(self, name: str, pages: Iterable[Page], label: str) -> Iterator[Page]:
        self._payloads.last = None
        try:
            yield from pages
        except StoreUnavailable:
            raise
        except KBError as error:
            self._fail(name, label, str(error))

    def _fail(self, name: str, label: str, reason: str) -> None:
        """A request that came to nothing: kept with the answer it got, if it got one."""
        payload = self._payloads.last
        if payload is not None and payload.source != name:
            payload = None
        self.report.source(name).failed += 1
        self.report.failures.append(Missing(name, label, reason))
        with self._store.writing() as session:
            note_failure(
                session,
                source=name,
                request=payload.request if payload else label,
                reason=reason,
                payload_id=payload.id if payload else None,
                now=self._now(),
            )

    def _save_page(
        self, name: str, page: Page, wanted: set[Identifier] | None = None
    ) -> Iterator[AnyRecord]:
        failed: set[str] = set()
        for number, item in enumerate(page.records, 1):
            if isinstance(item, Unreadable):
                failed.add(item.position)
                self._set_aside(name, page.payload, item.position, item.key, item.reason)
                continue
            position = f"record {number}"
            try:
                if wanted is not None and isinstance(item, WorkRecord):
                    _check_is_asked_for(item, wanted)
                self._save(name, item, page.payload)
            except StoreUnavailable:
                raise
            except Exception as error:  # one bad record never stops a run
                failed.add(position)
                reason = str(error) if isinstance(error, KBError) else _in_a_line(error)
                self._set_aside(name, page.payload, position, item.key, reason)
                continue
            yield item
        self._clear(name, page.payload, failed)

    def _save(self, name: str, record: AnyRecord, payload: Payload) -> None:
        assert payload.id is not None
        now = self._now()
        seen_on = PartialDate(payload.fetched_at.date().isoformat())
        tally = self.report.source(name)
        with self._store.writing() as session:
            if isinstance(record, WorkRecord):
                saved = save_work_record(session, record, payload.id, now, seen_on)
                nested: list[Saved] = []
            elif isinstance(record, ReferenceList):
                saved, nested = save_reference_list(session, record, payload.id, now), []
            elif isinstance(record, CitingList):
                saved, nested = save_citing_list(session, record, payload.id, now, seen_on)
            else:
                change, study_id = save_study_record(session, record, payload.id, now)
                if study_id not in self.report.studies:
                    self.report.studies.append(study_id)
                tally.count(change)
                return
        for one in (saved, *nested):
            tally.count(one.change)
            self.report.conflicts += one.conflicts
        found = saved.work_id if isinstance(record, WorkRecord) else None
        if found is not None and found not in self.report.works:
            self.report.works.append(found)

    def _set_aside(
        self, name: str, payload: Payload, position: str, key: str | None, reason: str
    ) -> None:
        tally = self.report.source(name)
        tally.received += 1
        tally.failed += 1
        self.report.failures.append(Missing(name, f"{payload.request}, {position}", reason))
        with self._store.writing() as session:
            note_failure(
                session,
                source=name,
                request=payload.request,
                position=position,
                key=key,
                reason=reason,
                payload_id=payload.id,
                now=self._now(),
            )

    def _clear(self, name: str, payload: Payload, failed: set[str]) -> None:
        with self._store.writing() as session:
            clear_failures(session, name, payload.request, failed)

    # -- what the base knows -----------------------------------------------------------------------

    def _holder(self, identifier: Identifier) -> int | None:
        with self._store.reading() as session:
            return links.holder(session, identifier)

    def _identifiers(self, work_id: int) -> list[Identifier]:
        """The work's identifiers, those that look-ups answer best first."""
        with self._store.reading() as session:
            known = links.identifiers_of(session, _survivor(session, work_id))
        return sorted(known, key=lambda i: (_LOOK_UP_ORDER.index(i.scheme), i.value))

    def _neighbours(self, work_ids: Sequence[int], direction: str) -> set[int]:
        found: set[int] = set()
        with self._store.reading() as session:
            for start in range(0, len(work_ids), 500):
                chunk = work_ids[start : start + 500]
                if direction in ("references", "both"):
                    query = select(Cites.cited_id).where(col(Cites.citing_id).in_(chunk))
                    found.update(session.exec(query))
                if direction in ("citations", "both"):
                    query = select(Cites.citing_id).where(col(Cites.cited_id).in_(chunk))
                    found.update(session.exec(query))
        return found


_LOOK_UP_ORDER: Final = (Scheme.DOI, Scheme.PMID, Scheme.OPENALEX, Scheme.PMCID)


def _survivor(session: Session, work_id: int) -> int:
    work = session.get(Work, work_id)
    return work.merged_into_id if work and work.merged_into_id else work_id


def _check_is_asked_for(record: WorkRecord, wanted: set[Identifier]) -> None:
    if not wanted & set(record.identifiers):
        asked = ", ".join(map(str, sorted(wanted)[:3]))
        raise SourceRejected(
            f"another record came back: {record.key} ({record.title!r}) does not carry {asked}"
        )


def _in_a_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"

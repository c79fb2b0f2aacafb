"""Which work does a record describe? By strong identifiers alone; contradictions go to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.identity.titles import may_be_one
from kb.models.identifiers import Identifier, Scheme
from kb.models.records import WorkRecord

# A work has one of each. OpenAlex ids are not among them: OpenAlex splits and merges works.
_ONE_PER_WORK = (Scheme.DOI, Scheme.PMID, Scheme.PMCID)


@dataclass(frozen=True, slots=True)
class Holder:
    """A work that holds at least one of the record's identifiers, with the records it has."""

    work_id: int
    identifiers: frozenset[Identifier]
    records: tuple[WorkRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Why the record is not simply the holder, although they share `shared`."""

    work_id: int
    shared: Identifier
    kind: str  # "different pmid", "different title"
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`same` are the works the record describes: none means a new one, several that they are one.

    `claims` are the identifiers the work may hold on the word of this record. With contradictions,
    no work and nothing to claim, the record describes nothing until a person decides.
    """

    same: tuple[int, ...]
    claims: tuple[Identifier, ...]
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def is_undecided(self) -> bool:
        return bool(self.contradictions) and not self.same and not self.claims


def decide(record: WorkRecord, holders: Sequence[Holder]) -> Decision:
    """Compare a record with every work that holds one of its identifiers.

    Sharing an identifier makes them one unless another identifier, or the title, contradicts.
    Works that would become one through the record must not contradict each other either.
    """
    ids = frozenset(record.identifiers)
    same: list[Holder] = []
    contradictions: list[Contradiction] = []
    for holder in sorted(holders, key=lambda h: h.work_id):
        against = _against(record, ids, holder)
        if against is None:
            clash = next((c for s in same if (c := _clash(s.identifiers, holder))), None)
            if clash is not None:
                shared = min(ids & holder.identifiers)
                against = Contradiction(holder.work_id, shared, *clash)
        if against is None:
            same.append(holder)
        else:
            contradictions.append(against)
    contested = {i for h in holders if h not in same for i in h.identifiers}
    claims = tuple(sorted(ids - contested))
    return Decision(tuple(h.work_id for h in same), claims, tuple(contradictions))


def _against(
    record: WorkRecord, ids: frozenset[Identifier], holder: Holder
) -> Contradiction | None:
    shared = min(ids & holder.identifiers)
    clash = _clash(ids, holder)
    if clash is not None:
        return Contradiction(holder.work_id, shared, *clash)
    if holder.records and not any(may_be_one(record, other) for other in holder.records):
        titles = sorted({str(other.title) for other in holder.records})
        detail = f"{shared}: {record.title!r} against {' / '.join(titles)!r}"
        return Contradiction(holder.work_id, shared, "different title", detail)
    return None


def _clash(ids: frozenset[Identifier], holder: Holder) -> tuple[str, str] | None:
    for scheme in _ONE_PER_WORK:
        ours = {i.value for i in ids if i.scheme is scheme}
        theirs = {i.value for i in holder.identifiers if i.scheme is scheme}
        if ours and theirs and not ours & theirs:
            detail = f"{scheme} {', '.join(sorted(ours))} against {', '.join(sorted(theirs))}"
            return f"different {scheme}", detail
    return None
